// SPDX-License-Identifier: BSL-1.0
// Tasks: start, end, cancellation, names.
//
// A cancel request:   requested --(unmasked cancellation point)--> delivered (CancelledError)
//                         `--uncancel() to zero--> withdrawn
// A task that is suspended when the request comes is asked through its Park to end its wait; a wait
// whose result is already there keeps it, and the request stays for the next cancellation point.
#include "backtrace.hpp"
#include "scheduler.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/task.hpp>

#include <ostream>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// Ids are taken in blocks, so that loops on different threads do not share a counter's cache line
// for every task.
std::uint64_t next_task_id() noexcept {
    constexpr std::uint64_t block = 1024;
    static std::atomic<std::uint64_t> next_block{1};
    [[gnu::tls_model("initial-exec")]] static thread_local std::uint64_t next = 0;
    [[gnu::tls_model("initial-exec")]] static thread_local std::uint64_t end = 0;
    if (next == end) {
        next = next_block.fetch_add(block, std::memory_order_relaxed);
        end = next + block;
    }
    return next++;
}

}  // namespace

TaskBase::TaskBase(Scheduler& scheduler) noexcept : StateBase(scheduler, true, 2) {}
TaskBase::~TaskBase() = default;
void TaskBase::finished() noexcept {}

std::string TaskBase::name() const {
    return name_ ? *name_ : "Task-" + std::to_string(id_);
}

void TaskBase::set_name(std::string name) {
    name_ = std::make_unique<std::string>(std::move(name));
}

void TaskBase::execute() noexcept {
    Outcome outcome = Outcome::value;
    if (cancel_pending_) {
        // Cancelled before its first step: the body is never entered.
        cancel_pending_ = false;
        outcome = Outcome::cancelled;
    } else {
        try {
            invoke();
        } catch (const CancelledError& cancelled) {
            outcome = Outcome::cancelled;
            if (!cancelled.message().empty()) {
                cancel_message_ = std::make_unique<std::string>(cancelled.message());
            }
        } catch (...) {
            outcome = Outcome::error;
            error_ = std::current_exception();
        }
        if (outcome == Outcome::value && cancelling_ > 0 && !cancel_pending_) {
            scheduler_->count_swallowed_cancel();
        }
    }
    drop_callable();
    outcome_ = outcome;
    scheduler_->finish(*this);
}

bool TaskBase::masked() const noexcept {
    if (mask_ > 0) return true;
    if (scheduler_->current() == this) return std::uncaught_exceptions() > 0;
    return started_ && context_.uncaught_exceptions > 0;
}

bool TaskBase::cancel_requested(std::string message) {
    if (done()) {
        mark_retrieved();
        return false;
    }
    require_thread("cancel");
    ++cancelling_;
    cancel_pending_ = true;
    cancel_message_ = message.empty() ? nullptr : std::make_unique<std::string>(std::move(message));
    if (park_ && park_->cancel && !masked()) park_->cancel(*park_, *this);
    return true;
}

std::uint32_t TaskBase::uncancel() noexcept {
    if (done() || cancelling_ == 0) return cancelling_;
    if (--cancelling_ == 0) cancel_pending_ = false;
    return cancelling_;
}

void TaskBase::deliver_cancel() {
    if (!masked()) throw_cancelled();
}

void TaskBase::throw_cancelled() { throw CancelledError(take_cancel_message()); }

std::string TaskBase::take_cancel_message() {
    cancel_pending_ = false;
    if (!cancel_message_) return {};
    std::string message = std::move(*cancel_message_);
    cancel_message_.reset();
    return message;
}

void TaskBase::put_back_cancel(const std::string& message) {
    cancel_pending_ = true;
    cancel_message_ = message.empty() ? nullptr : std::make_unique<std::string>(message);
}

void spawn(TaskBase& task, const TaskOptions* options) {
    task.scheduler().start(task, options, __builtin_return_address(0));
}

void Scheduler::start(TaskBase& task, const TaskOptions* options, const void* site) {
    StackClass* stacks = default_stacks_;
    try {
        require_thread("create_task");
        require_open("create_task");
        if (options) {
            if (options->stack_size != 0) stacks = &stacks_->class_for(options->stack_size);
            if (!options->name.empty()) task.set_name(options->name);
        }
        stacks->reserve();
    } catch (...) {
        task.drop_callable();
        task.drop_ref();
        throw;
    }
    task.stack_class_ = stacks;
    task.spawn_site_ = site;
    task.id_ = next_task_id();
    tasks_.push_back(task);
    ++tasks_alive_;
    ++tasks_created_;
    push_ready(task);
}

void Scheduler::finish(TaskBase& task) noexcept {
    static_cast<ListLink&>(task).unlink();
    --tasks_alive_;
    task.finished();
    task.settle(task.outcome_);
    current_ = nullptr;
    task.drop_ref();
}

namespace {

struct Capture {
    void** addresses;
    int most;
    int count;
};

}  // namespace

int Scheduler::capture_stack(TaskBase& task, void** addresses, int most) noexcept {
    if (&task == current_ || !task.started_ || task.done()) return 0;
    Capture capture{addresses, most, 0};
    FiberContext& from = current_ ? current_->context_ : loop_context_;
    visit_context(
        from, task.context_,
        [](void* argument) {
            auto& into = *static_cast<Capture*>(argument);
            into.count = capture_here(into.addresses, into.most);
        },
        &capture);
    return capture.count;
}

}  // namespace detail

TaskRef current_task() noexcept {
    return TaskRef(detail::StateRef<detail::TaskBase>::share(detail::current_task_state()));
}

std::vector<TaskRef> all_tasks() {
    detail::Scheduler& scheduler = detail::running_scheduler("all_tasks");
    std::vector<TaskRef> all;
    all.reserve(scheduler.tasks_alive());
    auto& tasks = scheduler.tasks();
    for (detail::TaskBase* task = tasks.front(); task; task = tasks.next(*task)) {
        all.emplace_back(detail::StateRef<detail::TaskBase>::share(task));
    }
    return all;
}

void TaskRef::print_stack(std::ostream& out) const {
    detail::TaskBase& task = state();
    out << "task '" << task.name() << "' (" << task.id() << "): ";
    if (task.done()) {
        out << "done\n";
    } else if (task.park()) {
        out << "waits: " << task.park()->what << '\n';
    } else {
        out << (task.started() ? "ready or running\n" : "not started\n");
    }
    out << "  created at " << detail::describe_address(task.spawn_site()) << '\n';
    void* addresses[64];
    const int count = task.scheduler().capture_stack(task, addresses, 64);
    for (int i = 0; i < count; ++i) {
        out << "  " << detail::describe_address(addresses[i]) << '\n';
    }
}

}  // namespace v0
}  // namespace coir
