// SPDX-License-Identifier: BSL-1.0
// The await graph, read off what is there anyway: the waiters of every state.
#include <coir/call_graph.hpp>

#include "backtrace.hpp"
#include "scheduler.hpp"

#include <coir/detail/join.hpp>

#include <algorithm>
#include <ostream>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr int most_frames = 64;

class Capture {
public:
    CallGraph of(const StateBase& state) {
        CallGraph graph;
        if (state.is_task()) {
            // A handle can be had of what is only looked at: states are changed through them.
            auto& task = static_cast<TaskBase&>(const_cast<StateBase&>(state));
            graph.task = TaskRef(StateRef<TaskBase>::share(&task));
            graph.frames.resize(most_frames);
            const int count =
                task.scheduler().capture_stack(task, graph.frames.data(), most_frames);
            graph.frames.resize(static_cast<std::size_t>(count));
        }
        if (std::find(path_.begin(), path_.end(), &state) != path_.end()) return graph;
        path_.push_back(&state);
        add_waiters(state, graph);
        path_.pop_back();
        return graph;
    }

private:
    void add_waiters(const StateBase& state, CallGraph& graph) {
        const auto& waiters = state.waiters();
        for (const Waiter* waiter = waiters.front(); waiter; waiter = waiters.next(*waiter)) {
            const StateBase* who = awaiter(*waiter);
            if (!who) who = waiter->on_behalf_of;
            if (!who) continue;
            if (who->is_task()) {
                graph.awaited_by.push_back(of(*who));
            } else {
                // A shield's future is not the program's: those who wait for it are meant.
                add_waiters(*who, graph);
            }
        }
        if (!state.is_task() || state.done()) return;
        const TaskBase* const joiner = static_cast<const TaskBase&>(state).joined_by();
        if (joiner) graph.awaited_by.push_back(of(*joiner));
    }

    std::vector<const StateBase*> path_;
};

std::string describe_task(const TaskBase& task) {
    std::string text = "task '" + task.name() + "' (" + std::to_string(task.id()) + "): ";
    if (task.done()) return text + "done";
    if (!task.park()) return text + (task.started() ? "ready or running" : "not started");
    return text + "waits: " + task.park()->what;
}

void format(const CallGraph& graph, const std::string& indent, std::string& text) {
    text += indent + "* ";
    text += graph.task ? describe_task(graph.task.state()) : std::string("a future");
    text += '\n';
    for (void* const frame : graph.frames) {
        text += indent + "  | " + describe_address(frame) + '\n';
    }
    if (graph.awaited_by.empty()) return;
    text += indent + "  + awaited by:\n";
    for (const CallGraph& waiter : graph.awaited_by) format(waiter, indent + "    ", text);
}

}  // namespace

CallGraph capture_waiters(const StateBase& state) {
    state.require_thread("capture_call_graph");
    return Capture().of(state);
}

namespace {

struct Frames {
    void** addresses;
    int most;
    int count;
};

void capture_into(void* argument) {
    auto& frames = *static_cast<Frames*>(argument);
    frames.count = capture_here(frames.addresses, frames.most);
}

}  // namespace

int Scheduler::capture_stack(TaskBase& task, void** addresses, int most) noexcept {
    if (!task.started_ || task.done()) return 0;
    Frames frames{addresses, most, 0};
    if (&task == current_) {
        capture_into(&frames);
    } else {
        FiberContext& from = current_ ? current_->context_ : loop_context_;
        visit_context(from, task.context_, &capture_into, &frames);
    }
    return trim_frames(addresses, frames.count, &fiber_main);
}

}  // namespace detail

std::optional<CallGraph> capture_call_graph() {
    detail::TaskBase* const task = detail::running_scheduler("capture_call_graph").current();
    if (!task) return std::nullopt;
    return detail::Capture().of(*task);
}

CallGraph capture_call_graph(const TaskRef& task) { return detail::capture_waiters(task.state()); }

std::string format_call_graph(const CallGraph& graph) {
    std::string text;
    detail::format(graph, "", text);
    return text;
}

void print_call_graph(std::ostream& out, const TaskRef& task) {
    if (task) out << format_call_graph(capture_call_graph(task));
}

void TaskRef::print_stack(std::ostream& out) const {
    const CallGraph graph = capture_call_graph(*this);
    out << detail::describe_task(state()) << '\n'
        << "  created at " << detail::describe_address(state().spawn_site()) << '\n';
    for (void* const frame : graph.frames) out << "  " << detail::describe_address(frame) << '\n';
    for (const CallGraph& waiter : graph.awaited_by) {
        std::string text;
        detail::format(waiter, "    ", text);
        out << "  awaited by:\n" << text;
    }
}

}  // namespace v0
}  // namespace coir
