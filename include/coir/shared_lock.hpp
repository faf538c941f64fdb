// SPDX-License-Identifier: BSL-1.0
// A lock with many readers or one writer. See sync.hpp for what holds for all primitives.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/wait_queue.hpp>

#include <cstddef>

namespace coir {
inline namespace v0 {

/// A readers-writer lock for tasks. Meets Lockable and SharedLockable: use std::unique_lock for
/// writers, std::shared_lock for readers. Fair: strictly in the order of coming, so that neither
/// readers nor writers starve; a reader that comes while a writer waits waits behind it. Hence not
/// recursive, for readers neither. Any task may unlock it. Calls throw WrongThreadError when they
/// would wait together with, or wake, tasks of a loop that does not run here.
class COIR_API SharedLock {
public:
    SharedLock() = default;
    SharedLock(const SharedLock&) = delete;
    SharedLock& operator=(const SharedLock&) = delete;

    /// Waits until it can be had alone. Throws CancelledError without taking it.
    COIR_SUSPENDS void lock();
    bool try_lock();
    /// Throws InvalidStateError when no writer has it.
    void unlock();

    /// Waits until no writer has it or is before this one. Throws CancelledError without taking it.
    COIR_SUSPENDS void lock_shared();
    bool try_lock_shared();
    /// Throws InvalidStateError when no reader has it.
    void unlock_shared();

    /// Whether a writer has it.
    bool locked() const noexcept { return writer_; }
    /// How many readers have it.
    std::size_t readers() const noexcept { return readers_; }

private:
    struct Wait;
    void grant() noexcept;
    void wait(bool writer);

    bool writer_ = false;
    std::size_t readers_ = 0;
    detail::WaitQueue waiters_;
    detail::LoopMark mark_;
};

}  // namespace v0
}  // namespace coir
