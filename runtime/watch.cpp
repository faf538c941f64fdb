// SPDX-License-Identifier: BSL-1.0
// See coir/detail/watch.hpp.
#include <coir/detail/watch.hpp>

#include "scheduler.hpp"

#include <coir/detail/wait_queue.hpp>
#include <coir/error.hpp>
#include <coir/wait.hpp>

#include <algorithm>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

/// The indices of the first occurrences, in order.
std::vector<std::size_t> distinct(const std::vector<StateBase*>& states) {
    std::vector<std::size_t> indices(states.size());
    for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = i;
    auto key = [&](std::size_t i) { return reinterpret_cast<std::uintptr_t>(states[i]); };
    std::sort(indices.begin(), indices.end(), [&](std::size_t a, std::size_t b) {
        return key(a) != key(b) ? key(a) < key(b) : a < b;
    });
    auto same = [&](std::size_t a, std::size_t b) { return states[a] == states[b]; };
    indices.erase(std::unique(indices.begin(), indices.end(), same), indices.end());
    std::sort(indices.begin(), indices.end());
    return indices;
}

}  // namespace

Watch::Watch(const std::vector<StateBase*>& states, const char* call)
    : call_(call), when_(ReturnWhen::all_completed) {
    for (const StateBase* state : states) {
        require_same_loop(*state, call);
        require_not_self(*state);
    }
    const std::vector<std::size_t> indices = distinct(states);
    children_ = std::make_unique<JoinedChild[]>(indices.size());
    size_ = pending_ = left_ = indices.size();
    for (std::size_t i = 0; i < size_; ++i) {
        JoinedChild& child = children_[i];
        child.index = indices[i];
        child.state = states[indices[i]];
        if (child.state->done()) {
            child_done(child);
        } else {
            watch(child);
        }
    }
}

// Takes back every link: to the states, and in the list of those that have ended.
void Watch::give_up() noexcept {
    for (std::size_t i = 0; i < size_; ++i) static_cast<ListLink&>(children_[i]).unlink();
}

void Watch::child_done(JoinedChild& child) noexcept {
    child.counted = true;
    --pending_;
    if (child.state->outcome() == Outcome::error) ++errors_;
    ended_.push_back(child);
    if (enough()) wake();
}

bool Watch::enough() const noexcept {
    switch (when_) {
        case ReturnWhen::first_completed:
            return pending_ < size_;
        case ReturnWhen::first_exception:
            return pending_ == 0 || errors_ > 0;
        case ReturnWhen::all_completed:
            break;
    }
    return pending_ == 0;
}

// --- A task that waits --------------------------------------------------------------------------

struct Watch::Pause : Park, DeadlineTimer {
    Watch* watch = nullptr;
    bool cancelled = false;
    bool timed_out = false;
    bool destroyed = false;  // the watch has gone

    static void cancel_pause(Park& park, TaskBase&) noexcept {
        auto& self = static_cast<Pause&>(park);
        self.cancelled = true;
        self.watch->wake();
    }
    static void timer_fired(TimerNode& node) noexcept {
        auto& self = static_cast<Pause&>(static_cast<DeadlineTimer&>(node));
        if (self.destroyed) return;
        TaskBase* const task = self.watch->waiting();
        if (!task || !self.strikes(task->scheduler())) return;
        self.timed_out = true;
        self.watch->wake();
    }
};

Watch::~Watch() {
    give_up();
    if (!waiting()) return;
    pause_->destroyed = true;
    wake();
}

// False: the time is over.
bool Watch::pause(TaskBase& self, TimePoint deadline) {
    Pause pause;
    pause.watch = this;
    pause.what = call_;
    pause.Park::cancel = &Pause::cancel_pause;
    pause.fire = &Pause::timer_fired;
    if (deadline != never) self.scheduler().arm(pause, deadline);
    pause_ = &pause;
    suspend(self, pause);
    self.scheduler().disarm(pause);
    if (pause.destroyed) {
        throw InvalidStateError("coir: the range that a task took a step of was destroyed");
    }
    if (pause.cancelled) self.throw_cancelled();
    return !pause.timed_out;
}

void Watch::wait(ReturnWhen when, TimeLimit limit) {
    TaskBase& self = enter_suspension_point(call_);
    when_ = when;
    if (enough()) {
        leave_without_suspending(self);
    } else {
        pause(self, limit.deadline(self.scheduler().now()));
    }
}

std::size_t Watch::next(TimePoint deadline) {
    TaskBase& self = enter_suspension_point(call_);
    if (waiting()) {
        throw InvalidStateError(std::string("coir: two tasks take steps of one ") + call_);
    }
    when_ = ReturnWhen::first_completed;
    if (!ended_.empty()) {
        leave_without_suspending(self);
    } else if (timed_out_ || (!pause(self, deadline) && ended_.empty())) {
        if (!timed_out_) give_up();
        timed_out_ = true;
        --left_;
        throw TimeoutError(std::string("coir: the deadline of ") + call_ + " passed");
    }
    --left_;
    return static_cast<JoinedChild*>(ended_.pop_front())->index;
}

std::vector<std::size_t> Watch::oldest_first() const {
    std::vector<const JoinedChild*> order(size_);
    for (std::size_t i = 0; i < size_; ++i) order[i] = &children_[i];
    if (size_ > 0 && order[0]->state->is_task()) {
        std::sort(order.begin(), order.end(), [](const JoinedChild* a, const JoinedChild* b) {
            return static_cast<const TaskBase*>(a->state)->id() <
                   static_cast<const TaskBase*>(b->state)->id();
        });
    }
    std::vector<std::size_t> indices(size_);
    for (std::size_t i = 0; i < size_; ++i) indices[i] = order[i]->index;
    return indices;
}

TimePoint loop_now(const char* call) { return running_scheduler(call).now(); }

}  // namespace detail
}  // namespace v0
}  // namespace coir
