// SPDX-License-Identifier: BSL-1.0
// See coir/detail/join.hpp.
#include <coir/detail/join.hpp>

#include "scheduler.hpp"

#include <coir/error.hpp>

#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

// --- What all of them share ---------------------------------------------------------------------

JoinCore::~JoinCore() = default;

void JoinCore::notify(Waiter& waiter) noexcept {
    auto& child = static_cast<JoinedChild&>(waiter);
    child.core->child_done(child);
}

void JoinCore::watch(JoinedChild& child) noexcept {
    child.core = this;
    child.notify = &JoinCore::notify;
    child.state->add_waiter(child);
}

void JoinCore::suspend(TaskBase& self, Park& park) noexcept {
    waiting_ = &self;
    self.scheduler().suspend(park);
}

// Once per suspension: one child's end may bring another one's about, and so lead back to here.
void JoinCore::wake() noexcept {
    if (TaskBase* task = std::exchange(waiting_, nullptr)) task->scheduler().make_ready(*task);
}

TaskBase* awaiter(const Waiter& waiter) noexcept {
    if (waiter.notify != &JoinCore::notify) return waiter.task;
    return static_cast<const JoinedChild&>(waiter).core->waiting();
}

// --- Until all have ended -----------------------------------------------------------------------

namespace {

class Join final : public JoinCore {
public:
    Join(TaskBase& task, JoinedChild* children, std::size_t count, JoinRule rule,
         const char* call) noexcept
        : task_(task), children_(children), count_(count), remaining_(count), rule_(rule) {
        park_.join = this;
        park_.what = call;
        park_.cancel = [](Park& park, TaskBase&) noexcept {
            static_cast<JoinPark&>(park).join->own_cancel();
        };
    }

    std::size_t run() {
        std::size_t pending = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            children_[i].index = i;
            if (children_[i].state->done()) continue;
            watch(children_[i]);
            ++pending;
        }
        if (pending == 0) task_.check_cancelled();
        if (task_.cancel_pending() && !task_.masked()) own_cancel();
        for (std::size_t i = 0; i < count_; ++i) {
            if (children_[i].state->done() && !children_[i].counted) child_done(children_[i]);
        }
        // Entered with an undelivered request: what had ended before does not win.
        if (rule_ == JoinRule::until_end && cancelled_) first_ = nullptr;
        if (remaining_ > 0) {
            suspend(task_, park_);
        } else {
            task_.scheduler().spend_credit();
        }
        throw_failure();
        return first_ ? first_->index : 0;
    }

private:
    struct JoinPark : Park {
        Join* join = nullptr;
    };

    void child_done(JoinedChild& child) noexcept override {
        child.counted = true;
        --remaining_;
        const Outcome outcome = child.state->outcome();
        if (rule_ != JoinRule::all && outcome != Outcome::value) child.state->mark_retrieved();
        if (outcome == Outcome::error && !first_error_) first_error_ = &child;
        if (!first_ && counts(outcome)) {
            first_ = &child;
            if (!cancelled_) cancel_rest({});
        }
        if (remaining_ == 0) wake();
    }
    bool counts(Outcome outcome) const noexcept {
        if (rule_ == JoinRule::until_error) return outcome != Outcome::value;
        return rule_ == JoinRule::until_end && !(cancelled_ && outcome == Outcome::cancelled);
    }
    void own_cancel() noexcept {
        cancelled_ = true;
        // A copy: a child that waits for this task sends the request back to it.
        cancel_rest(copy_reason(task_.cancel_message()));
    }
    // Cancelling a future ends it at once, which leads back to here: each child is asked once.
    void cancel_rest(const std::string& message) noexcept {
        if (cancelling_rest_) return;
        cancelling_rest_ = true;
        for (std::size_t i = 0; i < count_; ++i) {
            if (!children_[i].state->done()) children_[i].state->cancel(message);
        }
        cancelling_rest_ = false;
    }
    void throw_failure() {
        const bool first_was_cancelled = first_ && first_->state->outcome() == Outcome::cancelled;
        if (rule_ == JoinRule::until_end) {
            if (!first_ || first_was_cancelled) task_.check_cancelled();
            return;
        }
        if (rule_ == JoinRule::until_error && cancelled_ && first_error_) rethrow(*first_error_);
        // Children that were cancelled with the task say nothing, whichever was the first.
        if (cancelled_ || first_was_cancelled) task_.check_cancelled();
        if (first_) rethrow(*first_);
    }
    static void rethrow(JoinedChild& child) { child.state->throw_unless_value(true); }

    TaskBase& task_;
    JoinPark park_;
    JoinedChild* children_;
    std::size_t count_;
    std::size_t remaining_;
    JoinRule rule_;
    JoinedChild* first_ = nullptr;        // the first one that counts by the rule
    JoinedChild* first_error_ = nullptr;  // not a cancellation
    bool cancelled_ = false;              // the current task was, before all were done
    bool cancelling_rest_ = false;
};

}  // namespace

std::size_t join_all(JoinedChild* children, std::size_t count, JoinRule rule, const char* call) {
    TaskBase& self = this_task(call);
    for (std::size_t i = 0; i < count; ++i) require_not_self(*children[i].state);
    return Join(self, children, count, rule, call).run();
}

void abandon(StateBase* const* children, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        if (children[i]->done()) continue;
        if (&children[i]->scheduler() != running_here) return;  // its loop is not here any more
        children[i]->cancel({});
        children[i]->mark_retrieved();
    }
    TaskBase* const self = current_task_state();
    if (!self) return;
    self->mask();
    for (std::size_t i = 0; i < count; ++i) {
        if (children[i] == self || children[i]->done()) continue;
        try {
            children[i]->wait(*self);
        } catch (const InvalidStateError&) {
            // It waits for this task, and can only end after it.
        }
    }
    self->unmask();
}

void require_same_loop(const StateBase& state, const char* call) {
    if (&state.scheduler() == running_here) return;
    throw WrongThreadError(std::string("coir: ") + call + " of something of another loop");
}

void require_not_self(const StateBase& state) {
    if (&state == current_task_state()) {
        throw InvalidStateError("coir: a task cannot await itself");
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
