// SPDX-License-Identifier: BSL-1.0
// Waiting for what the kernel tells nobody about, such as a lock on a file: by trying again and again.
// No thread is blocked meanwhile, so that any number of tasks can wait, and any of them be cancelled.
#pragma once

#include "in_task.hpp"

namespace coir::inline v0::detail::calls {

/// The pauses between the tries of one call: an eighth of the time that it has waited, but 0.1 to 10
/// milliseconds. So nothing is noticed much too late, and nothing is asked for very often.
class Tries {
public:
    Tries(Scheduler& loop, TimePoint deadline, const char* what) noexcept
        : loop_(loop), deadline_(deadline), what_(what) {}
    /// 0: try again. -ETIMEDOUT, -ECANCELED, -ENOMEM.
    long pause() noexcept;
    bool suspended() const noexcept { return suspended_; }

private:
    Scheduler& loop_;
    TimePoint deadline_;
    TimePoint began_{};
    const char* what_;
    bool suspended_ = false;
};

/// f() until its result is not one of these errors. -ETIMEDOUT: the deadline is over.
template <class F>
long try_until(Scheduler& loop, TimePoint deadline, const char* what, int busy, int also_busy,
               F&& f) noexcept {
    Tries tries(loop, deadline, what);
    for (;;) {
        long result = f();
        if (result == -EINTR) continue;
        if (result == -busy || result == -also_busy) {
            result = tries.pause();
            if (result == 0) continue;
        }
        if (!tries.suspended()) did_not_suspend(loop);
        return result;
    }
}

/// A deadline by the clock of time of day, as the functions of libc have it.
TimePoint at_time_of_day(Scheduler& loop, const timespec& when) noexcept;

}  // namespace coir::inline v0::detail::calls
