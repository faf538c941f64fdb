// SPDX-License-Identifier: BSL-1.0
// How a task waits for a lock: it tries the real one, and when that is busy stands in line at the
// lock's address until somebody has released it, and tries again. So the kernel's and libc's state
// of a lock is always the truth, and threads and tasks may share it.
#pragma once

#include "waiting_table.hpp"

#include "../calls/in_task.hpp"

#include <cerrno>

#include <time.h>

namespace coir_legacy {

using coir::Nanoseconds;
using coir::TimePoint;
using coir::detail::Scheduler;
using coir::detail::Sys;
using hooks::Woken;

/// An absolute time of one of the clocks that libc's timed locks know.
class Until {
public:
    /// Without end.
    Until() noexcept = default;
    Until(clockid_t clock, const timespec* when) noexcept : clock_(clock), when_(when) {}
    /// 0, or EINVAL.
    int check() const noexcept;
    bool without_end() const noexcept { return !when_; }
    bool over(Sys& sys) const noexcept;
    /// When to look at the clock again: clocks may be set meanwhile.
    TimePoint next_look(Sys& sys) const noexcept;
    /// What libc's own function does with it.
    template <class WithoutEnd, class Timed>
    int call(WithoutEnd&& without_end, Timed&& timed) const {
        return when_ ? timed(clock_, when_) : without_end();
    }

private:
    Nanoseconds left(Sys& sys) const noexcept;

    clockid_t clock_ = CLOCK_MONOTONIC;
    const timespec* when_ = nullptr;
};

/// A lock that a task wants.
struct Wanted {
    const void* lock;
    /// Tries without waiting: 0, EBUSY, or the error to end with. The shard's lock is held.
    int (*attempt)(const Wanted&) noexcept;
    const char* what;
    Until until = {};
    unsigned bits = ~0u;
    /// It may be released by whom the wrappers do not see: it is tried again every few milliseconds.
    bool unseen = false;
    /// A cancel request ends the wait with ECANCELED.
    bool cancellable = false;
    /// A signal handler ends the wait with EINTR.
    hooks::Interruptible interruptible = hooks::Interruptible::never;
};

/// Tries, and suspends the task until it is its own, the time is over (ETIMEDOUT), or an error.
/// Keeps errno.
int acquire(Scheduler& loop, const Wanted& wanted) noexcept;

/// For who has just failed to get a lock without waiting: those that try in a loop must not keep
/// others from releasing it. Keeps errno.
void did_not_wait(Scheduler& loop) noexcept;

/// As long as one lives, its thread may release a lock inside libc, unseen: who waits for it looks
/// for itself.
class ReleasesUnseen {
public:
    explicit ReleasesUnseen(const void* lock) noexcept;
    ReleasesUnseen(const ReleasesUnseen&) = delete;
    ReleasesUnseen& operator=(const ReleasesUnseen&) = delete;
    ~ReleasesUnseen();

private:
    Shard& shard_;
};

}  // namespace coir_legacy
