// SPDX-License-Identifier: BSL-1.0
// Locks that belong to whoever has taken them: recursive ones and those that check for errors. libc
// takes the thread for the owner, which all tasks of a loop share. So a table {lock, task, count}
// stands in front; the real lock is held once, as long as a task has an entry.
#pragma once

#include "acquire.hpp"

namespace coir_legacy {

/// What is done with a lock, as libc does it.
struct OwnedKind {
    bool recursive;
    int (*try_lock)(void* lock) noexcept;
    int (*unlock)(void* lock) noexcept;
};

/// Takes it for the current task. The owner itself gets EDEADLK when the lock is not recursive.
int lock_owned(Scheduler& loop, void* lock, const OwnedKind& kind, const Until& until, bool unseen,
               const char* what) noexcept;
/// The same without waiting: EBUSY.
int try_lock_owned(Scheduler& loop, void* lock, const OwnedKind& kind) noexcept;

enum class Unlocked { released, still_held, not_owner, unknown };
/// Gives it back; any thread. `unknown`: no task holds it.
Unlocked unlock_owned(void* lock, const OwnedKind& kind) noexcept;

// For locks that only ask whether the current task is their owner: a shared lock's writer.

/// The current task has taken it. Without memory nothing is noted.
void note_owner(const void* lock) noexcept;
bool is_owner(const void* lock) noexcept;
/// It is being given back; any thread.
void forget_owner(const void* lock) noexcept;

}  // namespace coir_legacy
