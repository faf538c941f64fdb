// SPDX-License-Identifier: BSL-1.0
// A mutex for tasks. See sync.hpp for what holds for all primitives.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/wait_queue.hpp>

namespace coir {
inline namespace v0 {

/// A mutex for tasks. Meets BasicLockable and Lockable: use std::unique_lock and std::scoped_lock.
/// Not recursive, and any task may unlock it. Calls throw WrongThreadError when they would wait
/// together with, or wake, tasks of a loop that does not run here.
class COIR_API Lock {
public:
    Lock() = default;
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    /// Waits until it is free and takes it. Throws CancelledError without taking it.
    COIR_SUSPENDS void lock();
    /// Takes it if it is free and nobody waits.
    bool try_lock();
    /// Gives it to the first waiter, or frees it. Throws InvalidStateError when it is not locked.
    void unlock();
    bool locked() const noexcept { return locked_; }

private:
    friend class Condition;
    void pass_on() noexcept {
        locked_ = !waiters_.empty();  // handed over
        if (locked_) waiters_.wake_one();
    }

    bool locked_ = false;
    detail::WaitQueue waiters_;
    detail::LoopMark mark_;
};

}  // namespace v0
}  // namespace coir
