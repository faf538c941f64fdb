// SPDX-License-Identifier: BSL-1.0
// Condition.
//
//   in the condition's queue --notify--> in the lock's queue --the lock is handed over--> returned
//        `--cancel--> gets the lock (not interruptible) --> CancelledError     a cancel here, too
//
// A waiter is moved from queue to queue while it sleeps: it is woken once, when it owns the lock.
#include <coir/condition.hpp>

#include "scheduler.hpp"

#include <coir/error.hpp>

#include <stdexcept>
#include <string>

namespace coir {
inline namespace v0 {

struct Condition::Wait : detail::WaitNode {
    Condition* condition = nullptr;
    Lock* lock = nullptr;  // null: it has been destroyed
    bool notified = false;
    bool interrupted = false;
};

detail::TaskBase& Condition::enter(std::unique_lock<Lock>& lock) {
    if (!lock.owns_lock()) {
        throw InvalidStateError("coir: wait() on a condition without holding the lock");
    }
    detail::TaskBase& self = detail::enter_suspension_point("condition", mark_);
    if (!lock.mutex()->locked()) {
        throw InvalidStateError("coir: wait() on a condition with a lock that is not locked");
    }
    if (!waiters_.empty() && lock_ != lock.mutex()) {
        throw InvalidStateError("coir: those who wait on a condition must use the same lock");
    }
    return self;
}

void Condition::wait(std::unique_lock<Lock>& lock) {
    detail::TaskBase& self = enter(lock);
    Wait node;
    node.condition = this;
    node.lock = lock.mutex();
    node.Park::cancel = &Condition::cancel_wait;
    node.lock->waiters_.require_wakeable("wait on a condition");
    waiters_.enqueue(node, self, "condition");
    lock_ = node.lock;
    node.lock->pass_on();
    self.scheduler().suspend(node);
    if (!node.lock) lock.release();
    if (node.interrupted) self.throw_cancelled();
}

void Condition::cancel_wait(detail::Park& park, detail::TaskBase&) noexcept {
    auto& node = static_cast<Wait&>(static_cast<detail::WaitNode&>(park));
    node.interrupted = true;
    if (!static_cast<detail::Waiter&>(node).linked()) {
        // The condition or the lock has been destroyed, with the task waiting.
        node.lock = nullptr;
        node.end(detail::WaitOutcome::cancelled);
        return;
    }
    node.Park::cancel = nullptr;  // it must have the lock now
    if (node.notified) {
        node.condition->move_one();  // this one cannot act on the notification: another is to
        return;
    }
    static_cast<detail::Waiter&>(node).unlink();
    if (node.lock->locked_) {
        node.lock->waiters_.append(node);
    } else {
        node.lock->locked_ = true;
        node.end(detail::WaitOutcome::handed);
    }
}

// The first waiter goes on to the lock's queue.
bool Condition::move_one() noexcept {
    auto* node = static_cast<Wait*>(waiters_.take_front());
    if (!node) return false;
    node->notified = true;
    node->what = "lock";
    node->lock->waiters_.append(*node);
    return true;
}

bool Condition::may_notify() {
    mark_.check("notify");
    if (waiters_.empty()) return false;
    waiters_.require_wakeable("notify");
    if (!lock_->locked()) {
        throw InvalidStateError("coir: notify() while the lock of those who wait is not locked");
    }
    return true;
}

void Condition::notify(std::ptrdiff_t n) {
    if (n < 0) {
        throw std::invalid_argument("coir: notify(" + std::to_string(n) +
                                    "): the number must not be negative");
    }
    if (!may_notify()) return;
    while (n-- > 0 && move_one()) {
    }
}

void Condition::notify_all() {
    if (!may_notify()) return;
    while (move_one()) {
    }
}

}  // namespace v0
}  // namespace coir
