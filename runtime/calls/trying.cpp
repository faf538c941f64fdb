// SPDX-License-Identifier: BSL-1.0
// See trying.hpp.
#include "trying.hpp"

#include "multi_wait.hpp"

#include <algorithm>
#include <cerrno>

namespace coir::inline v0::detail::calls {

long Tries::pause() noexcept {
    constexpr Nanoseconds shortest = std::chrono::microseconds(100);
    constexpr Nanoseconds longest = std::chrono::milliseconds(10);
    const TimePoint now = hooks::sys(loop_).now();
    if (!suspended_) began_ = now;
    suspended_ = true;
    if (now >= deadline_) return hooks::cancel_asked(loop_) ? -ECANCELED : -ETIMEDOUT;
    const Nanoseconds pause = std::clamp((now - began_) / 8, shortest, longest);
    const TimePoint until = std::min(coir::saturating_add(now, pause), deadline_);
    switch (rest(loop_, until, what_)) {
        case Woken::cancelled: return -ECANCELED;
        case Woken::no_memory: return -ENOMEM;
        case Woken::interrupted: return -EINTR;
        default: return 0;
    }
}

TimePoint at_time_of_day(Scheduler& loop, const timespec& when) noexcept {
    Sys& sys = hooks::sys(loop);
    timespec now{};
    sys(SYS_clock_gettime, CLOCK_REALTIME, &now);
    constexpr time_t longest = 4'000'000'000;  // more nanoseconds would not fit
    const time_t seconds = std::min(when.tv_sec - now.tv_sec, longest);
    if (seconds < 0) return past;
    return coir::saturating_add(sys.now(), std::chrono::seconds(seconds) +
                                               Nanoseconds(when.tv_nsec - now.tv_nsec));
}

}  // namespace coir::inline v0::detail::calls
