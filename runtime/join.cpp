// SPDX-License-Identifier: BSL-1.0
// See coir/detail/join.hpp.
#include <coir/detail/join.hpp>

#include "scheduler.hpp"

#include <coir/error.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

class JoinCore : public Park {
public:
    JoinCore(TaskBase& task, JoinedChild* children, std::size_t count) noexcept
        : task_(task), children_(children), count_(count), remaining_(count) {
        what = "several tasks";
        Park::cancel = [](Park& park, TaskBase&) noexcept {
            static_cast<JoinCore&>(park).own_cancel();
        };
    }

    void join() {
        bool anything_pending = false;
        for (std::size_t i = 0; i < count_; ++i) {
            JoinedChild& child = children_[i];
            child.core = this;
            child.notify = [](Waiter& waiter) noexcept {
                auto& self = static_cast<JoinedChild&>(waiter);
                self.core->child_done(self);
            };
            if (child.state->done()) continue;
            child.state->add_waiter(child);
            anything_pending = true;
        }
        if (!anything_pending) task_.check_cancelled();
        for (std::size_t i = 0; i < count_; ++i) {
            if (children_[i].state->done() && !children_[i].counted) child_done(children_[i]);
        }
        if (remaining_ > 0 && task_.cancel_pending() && !task_.masked()) own_cancel();
        if (remaining_ > 0) {
            suspended_ = true;
            task_.scheduler().suspend(*this);
        } else {
            task_.scheduler().spend_credit();
        }
        throw_failure();
    }

private:
    void child_done(JoinedChild& child) noexcept {
        child.counted = true;
        --remaining_;
        StateBase& state = *child.state;
        if (state.outcome() != Outcome::value) {
            state.mark_retrieved();
            if (!first_error_ && state.outcome() == Outcome::error) first_error_ = &state;
            if (!first_failure_) {
                first_failure_ = &state;
                cancel_rest({});
            }
        }
        if (remaining_ == 0 && suspended_) {
            suspended_ = false;  // once: this may be inside of cancel_rest() of another child's end
            task_.scheduler().make_ready(task_);
        }
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
        // Children that were cancelled with the task say nothing, whichever was the first.
        if (cancelled_ && first_error_) first_error_->throw_unless_value(true);
        if (cancelled_ || (first_failure_ && first_failure_ != first_error_)) {
            task_.check_cancelled();
        }
        if (first_failure_) first_failure_->throw_unless_value(true);
    }

    TaskBase& task_;
    JoinedChild* children_;
    std::size_t count_;
    std::size_t remaining_;
    StateBase* first_failure_ = nullptr;
    StateBase* first_error_ = nullptr;  // not a cancellation
    bool suspended_ = false;
    bool cancelled_ = false;  // the current task was, before all were done
    bool cancelling_rest_ = false;
};

void require_same_loop(const StateBase& state, const char* call) {
    if (&state.scheduler() == running_here) return;
    throw WrongThreadError(std::string("coir: ") + call + " of something of another loop");
}

void join_all(JoinedChild* children, std::size_t count) {
    TaskBase& self = this_task("gather");
    for (std::size_t i = 0; i < count; ++i) {
        if (children[i].state == &self) {
            throw InvalidStateError("coir: a task cannot await itself");
        }
    }
    JoinCore(self, children, count).join();
}

void abandon(StateBase& child) noexcept {
    TaskBase& self = *current_task_state();
    child.cancel({});
    self.mask();
    child.wait(self);
    child.mark_retrieved();
    self.unmask();
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
