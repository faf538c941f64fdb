// SPDX-License-Identifier: BSL-1.0
// See coir/detail/wait_queue.hpp.
#include <coir/detail/wait_queue.hpp>

#include "scheduler.hpp"

#include <coir/error.hpp>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

void cancel_wait(Park& park, TaskBase& task) noexcept {
    auto& node = static_cast<WaitNode&>(park);
    static_cast<Waiter&>(node).unlink();
    node.outcome = WaitOutcome::cancelled;
    task.scheduler().make_ready(task);
}

}  // namespace

void WaitQueue::wait(WaitNode& node, const char* what) {
    TaskBase& self = this_task(what);
    if (Waiter* other = waiters_.front()) {
        if (&other->task->scheduler() != &self.scheduler()) {
            throw WrongThreadError(std::string("coir: a ") + what + " is used by two loops");
        }
    }
    node.task = &self;
    node.what = what;
    node.Park::cancel = &cancel_wait;
    waiters_.push_back(node);
    self.scheduler().suspend(node);
    if (node.outcome == WaitOutcome::cancelled) self.throw_cancelled();
}

WaitNode* WaitQueue::wake_one(WaitOutcome outcome) noexcept {
    auto* node = static_cast<WaitNode*>(waiters_.pop_front());
    if (!node) return nullptr;
    node->outcome = outcome;
    node->task->scheduler().make_ready(*node->task);
    return node;
}

void WaitQueue::wake_all(WaitOutcome outcome) noexcept {
    while (wake_one(outcome)) {
    }
}

TaskBase& enter_suspension_point(const char* call) {
    TaskBase& self = this_task(call);
    self.check_cancelled();
    return self;
}

void leave_without_suspending(TaskBase& task) { task.scheduler().spend_credit(); }

}  // namespace detail
}  // namespace v0
}  // namespace coir
