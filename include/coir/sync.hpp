// SPDX-License-Identifier: BSL-1.0
// Locks and events between the tasks of one loop.
//
// Threads: the loop's thread only. Lifetime: must outlive whoever waits. Waiters are served in FIFO
// order, and what they wait for is theirs when they are woken: nobody can get in between, and a
// cancellation that comes later does not lose it. Behaviour: asyncio's synchronisation primitives.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/wait_queue.hpp>

namespace coir {
inline namespace v0 {

/// A mutex for tasks. Meets BasicLockable and Lockable: use std::unique_lock and std::scoped_lock.
/// Not recursive, and any task may unlock it.
class COIR_API Lock {
public:
    Lock() = default;
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    /// Waits until it is free and takes it. Throws CancelledError without taking it, and
    /// WrongThreadError when tasks of another loop wait for it.
    COIR_SUSPENDS void lock();
    /// Takes it if it is free and nobody waits.
    bool try_lock() noexcept;
    /// Gives it to the first waiter, or frees it. Throws InvalidStateError when it is not locked.
    void unlock();
    bool locked() const noexcept { return locked_; }

private:
    bool locked_ = false;
    detail::WaitQueue waiters_;
};

/// A flag that tasks wait for.
class COIR_API Event {
public:
    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    /// Raises the flag and wakes all who wait, even if it is cleared before they run.
    void set() noexcept;
    void clear() noexcept { set_ = false; }
    bool is_set() const noexcept { return set_; }
    /// Returns at once when the flag is up.
    COIR_SUSPENDS void wait();

private:
    bool set_ = false;
    detail::WaitQueue waiters_;
};

}  // namespace v0
}  // namespace coir
