// SPDX-License-Identifier: BSL-1.0
// sleep, usleep, nanosleep, clock_nanosleep, thrd_sleep and the yields in a task.
//
// A cancelled sleep ends as one that a signal has interrupted, but with ECANCELED: the remaining
// time is given back, and loops that go on after EINTR end. A signal handler interrupts the sleep of one
// task of its thread (legacy_hooks.hpp).
#include "in_task.hpp"

#include <algorithm>
#include <cerrno>

namespace coir::inline v0::detail::calls {
namespace {

// A clock that is set while somebody sleeps until a time of day is noticed this late at most.
constexpr Nanoseconds set_clock_interval = std::chrono::seconds(1);

bool is_valid(const timespec& duration) noexcept {
    return duration.tv_sec >= 0 && duration.tv_nsec >= 0 && duration.tv_nsec < 1'000'000'000;
}

Nanoseconds to_duration(const timespec& time) noexcept {
    constexpr time_t longest = 9'000'000'000;  // more nanoseconds would not fit
    return std::chrono::seconds(std::min(time.tv_sec, longest)) + Nanoseconds(time.tv_nsec);
}

timespec to_timespec(Nanoseconds duration) noexcept {
    return {duration.count() / 1'000'000'000, duration.count() % 1'000'000'000};
}

// 0, or the error number.
int sleep_for(Scheduler& loop, Nanoseconds duration, Nanoseconds& left, const char* what) noexcept {
    left = Nanoseconds(0);
    if (duration.count() <= 0) {
        did_not_suspend(loop);
        return 0;
    }
    Sys& sys = hooks::sys(loop);
    const TimePoint until = coir::saturating_add(sys.now(), duration);
    const Woken woken = rest(loop, until, what, Interruptible::always);
    if (woken == Woken::timeout) return 0;
    left = std::max(until - sys.now(), Nanoseconds(0));
    hooks::yield(loop);  // who tries again and again must not keep the others waiting
    if (woken == Woken::interrupted) return EINTR;
    return woken == Woken::cancelled ? ECANCELED : ENOMEM;
}

// Until a time of `clock`, 0 or the error number.
int sleep_until(Scheduler& loop, clockid_t clock, const timespec& when) noexcept {
    Sys& sys = hooks::sys(loop);
    for (;;) {
        timespec now{};
        if (clock == CLOCK_MONOTONIC) {
            now = to_timespec(sys.now().time_since_epoch());
        } else if (const long error = sys(SYS_clock_gettime, clock, &now); error < 0) {
            return static_cast<int>(-error);
        }
        const Nanoseconds left = to_duration(when) - to_duration(now);
        if (left.count() <= 0) {
            did_not_suspend(loop);
            return 0;
        }
        Nanoseconds rest_of_it;
        const Nanoseconds step =
            clock == CLOCK_MONOTONIC ? left : std::min(left, set_clock_interval);
        if (const int error = sleep_for(loop, step, rest_of_it, "clock_nanosleep")) return error;
    }
}

}  // namespace

namespace in_task {

unsigned sleep(Scheduler& loop, unsigned seconds) {
    Nanoseconds left;
    const int error = sleep_for(loop, std::chrono::seconds(seconds), left, "sleep");
    if (error == 0) return 0;
    errno = error;
    // libc's own rounds down, so that 0 may mean that the time is not over. A cancelled one says so.
    if (error == EINTR) return static_cast<unsigned>(left / std::chrono::seconds(1));
    return static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(left).count());
}

int usleep(Scheduler& loop, useconds_t microseconds) {
    Nanoseconds left;
    const int error = sleep_for(loop, std::chrono::microseconds(microseconds), left, "usleep");
    return error == 0 ? 0 : fail(error);
}

int nanosleep(Scheduler& loop, const timespec* duration, timespec* left) {
    const int error = in_task::clock_nanosleep(loop, CLOCK_REALTIME, 0, duration, left);
    return error == 0 ? 0 : fail(error);
}

int clock_nanosleep(Scheduler& loop, clockid_t clock, int flags, const timespec* duration,
                    timespec* left) {
    const bool plain = clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC ||
                       clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
    // Clocks of processor time stand still while a task waits, and alarms wake the machine.
    if (!plain || !duration) return direct::clock_nanosleep(hooks::sys(loop), clock, flags, duration, left);
    if (!is_valid(*duration)) return EINVAL;
    if ((flags & TIMER_ABSTIME) != 0) return sleep_until(loop, clock, *duration);
    Nanoseconds remaining;
    const int error = sleep_for(loop, to_duration(*duration), remaining, "nanosleep");
    if (error != 0 && left) *left = to_timespec(remaining);
    return error;
}

// -1 is for interruptions by signals only.
int thrd_sleep(Scheduler& loop, const timespec* duration, timespec* left) {
    const int error = in_task::clock_nanosleep(loop, CLOCK_REALTIME, 0, duration, left);
    if (error != 0) errno = error;
    return error == 0 ? 0 : error == EINTR ? -1 : -2;
}

int sched_yield(Scheduler& loop) {
    hooks::yield(loop);
    return 0;
}

int pthread_yield(Scheduler& loop) { return in_task::sched_yield(loop); }

void thrd_yield(Scheduler& loop) { hooks::yield(loop); }

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
