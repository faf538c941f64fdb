// SPDX-License-Identifier: BSL-1.0
// Counting semaphores for tasks. See sync.hpp for what holds for all primitives.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/wait_queue.hpp>

#include <cstddef>

namespace coir {
inline namespace v0 {

/// So many permits: each acquire() takes one, each release() brings some back. Meets Lockable, so
/// that `std::scoped_lock permit(semaphore)` holds one for a block. Any task may release. Calls throw
/// WrongThreadError when they would wait together with, or wake, tasks of a loop that does not run
/// here. Behaviour: asyncio.Semaphore.
class COIR_API Semaphore {
public:
    /// Throws std::invalid_argument for a negative number; with 0 permits, acquire() waits for the
    /// first release().
    explicit Semaphore(std::ptrdiff_t permits = 1);
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;

    /// Takes a permit, waiting for one. Throws CancelledError without having taken one.
    COIR_SUSPENDS void acquire();
    /// Takes a permit if there is one; nobody waits then.
    bool try_acquire();
    /// Brings `n` permits back: the first waiters have theirs at once. Throws std::invalid_argument
    /// for less than 1 and std::overflow_error when there would be more than a std::ptrdiff_t can
    /// count; nothing has been released then.
    void release(std::ptrdiff_t n = 1);
    /// Whether acquire() would wait.
    bool locked() const noexcept { return permits_ == 0; }

    COIR_SUSPENDS void lock() { acquire(); }
    bool try_lock() { return try_acquire(); }
    void unlock() { release(); }

private:
    friend class BoundedSemaphore;
    Semaphore(std::ptrdiff_t permits, bool bounded);

    std::ptrdiff_t permits_;
    const std::ptrdiff_t most_;  // permits that there can be
    detail::WaitQueue waiters_;
    detail::LoopMark mark_;
};

/// A semaphore that refuses to have more permits than it began with: release() throws
/// InvalidStateError when it is called more often than acquire(), and nothing has been released then.
class COIR_API BoundedSemaphore : public Semaphore {
public:
    explicit BoundedSemaphore(std::ptrdiff_t permits = 1) : Semaphore(permits, true) {}
};

}  // namespace v0
}  // namespace coir
