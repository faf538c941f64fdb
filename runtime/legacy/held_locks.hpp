// SPDX-License-Identifier: BSL-1.0
// COIR_DEBUG=locks: which locks the current task holds, and a warning when it is suspended with one.
#pragma once

#include <atomic>

namespace coir_legacy {

/// Whether COIR_DEBUG says so; looked up at the first lock in a task.
extern constinit std::atomic<int> watching_locks;  // -1: not known yet

void note_taken_slowly(const void* lock) noexcept;
void note_given_back_slowly(const void* lock) noexcept;

/// The current task has taken the lock.
inline void note_taken(const void* lock) noexcept {
    if (watching_locks.load(std::memory_order_relaxed) != 0) [[unlikely]] note_taken_slowly(lock);
}
/// Whatever runs here gives it back.
inline void note_given_back(const void* lock) noexcept {
    if (watching_locks.load(std::memory_order_relaxed) > 0) [[unlikely]] note_given_back_slowly(lock);
}

}  // namespace coir_legacy
