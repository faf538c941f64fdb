// SPDX-License-Identifier: BSL-1.0
// A condition variable for tasks. See sync.hpp for what holds for all primitives.
#pragma once

#include <coir/detail/callback.hpp>
#include <coir/detail/config.hpp>
#include <coir/detail/wait_queue.hpp>
#include <coir/lock.hpp>

#include <cstddef>
#include <functional>
#include <mutex>

namespace coir {
inline namespace v0 {

/// Tasks that hold a lock wait here for what the lock protects to change:
///
///     std::unique_lock hold(lock);
///     condition.wait(hold, [&] { return !jobs.empty(); });
///
/// All who wait at the same time use the same lock. A notified waiter stands in the lock's queue
/// from the notification on, and runs when it owns the lock. Must outlive every call of wait().
/// Behaviour: asyncio.Condition.
class COIR_API Condition {
public:
    Condition() = default;
    Condition(const Condition&) = delete;
    Condition& operator=(const Condition&) = delete;

    /// Gives the lock up, waits for a notification, and has the lock again however it ends. Throws
    /// InvalidStateError when `lock` is not held or those who wait use another one, and
    /// CancelledError; a notification that had come to a task which then is cancelled before it has
    /// the lock goes to the next waiter. Cancelled, it throws when it has the lock.
    COIR_SUSPENDS void wait(std::unique_lock<Lock>& lock);
    /// Waits until `ready()`, which is called with the lock held, and first at once. What it throws
    /// passes, with the lock held. std::invalid_argument for an empty std::function.
    template <class Predicate>
    COIR_SUSPENDS void wait(std::unique_lock<Lock>& lock, Predicate ready) {
        detail::require_callable(ready);
        detail::TaskBase& self = enter(lock);
        if (std::invoke(ready)) {
            detail::leave_without_suspending(self);
            return;
        }
        do {
            wait(lock);
        } while (!std::invoke(ready));
    }

    /// Wakes the first `n` waiters; what finds nobody is lost. Throws InvalidStateError when somebody
    /// waits whose lock is not locked, std::invalid_argument for a negative `n`; 0 wakes nobody.
    void notify(std::ptrdiff_t n = 1);
    void notify_one() { notify(1); }
    void notify_all();

private:
    struct Wait;
    detail::TaskBase& enter(std::unique_lock<Lock>& lock);
    bool may_notify();
    bool move_one() noexcept;
    static void cancel_wait(detail::Park& park, detail::TaskBase& task) noexcept;

    detail::WaitQueue waiters_;
    Lock* lock_ = nullptr;  // of those who wait
    detail::LoopMark mark_;
};

}  // namespace v0
}  // namespace coir
