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
            static_cast<JoinCore&>(park).cancel_rest();
        };
    }

    void join() {
        for (std::size_t i = 0; i < count_; ++i) {
            JoinedChild& child = children_[i];
            child.core = this;
            child.notify = [](Waiter& waiter) noexcept {
                auto& self = static_cast<JoinedChild&>(waiter);
                self.core->child_done(self);
            };
            if (!child.state->done()) child.state->add_waiter(child);
        }
        for (std::size_t i = 0; i < count_; ++i) {
            if (children_[i].state->done() && !children_[i].counted) child_done(children_[i]);
        }
        if (remaining_ > 0) {
            waiting_ = true;
            task_.scheduler().suspend(*this);
        } else {
            task_.scheduler().spend_credit();
        }
        throw_first_failure();
    }

private:
    void child_done(JoinedChild& child) noexcept {
        child.counted = true;
        --remaining_;
        StateBase& state = *child.state;
        if (state.outcome() != Outcome::value) {
            state.mark_retrieved();
            if (!first_failure_) {
                first_failure_ = &state;
                cancel_rest();
            }
        }
        if (remaining_ == 0 && waiting_) {
            waiting_ = false;
            task_.scheduler().make_ready(task_);
        }
    }
    void cancel_rest() noexcept {
        for (std::size_t i = 0; i < count_; ++i) {
            if (!children_[i].state->done()) children_[i].state->cancel({});
        }
    }
    void throw_first_failure() {
        if (!first_failure_) return;
        if (first_failure_->outcome() == Outcome::cancelled && task_.cancel_pending() &&
            !task_.masked()) {
            task_.throw_cancelled();
        }
        first_failure_->throw_unless_value(true);
    }

    TaskBase& task_;
    JoinedChild* children_;
    std::size_t count_;
    std::size_t remaining_;
    StateBase* first_failure_ = nullptr;
    bool waiting_ = false;
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

}  // namespace detail
}  // namespace v0
}  // namespace coir
