// SPDX-License-Identifier: BSL-1.0
// Time points and durations.
//
// Every duration in coir's API may be of any std::chrono type (`5ms`, `0.5s`, `2h`). It is turned
// into nanoseconds by `to_nanoseconds()`: what does not fit saturates to "never", NaN throws
// std::invalid_argument, and negative means "now". The clock is std::chrono::steady_clock, or the
// virtual clock of the sim reactor; wall-clock steps never matter.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <type_traits>

namespace coir {
inline namespace v0 {

using Nanoseconds = std::chrono::nanoseconds;
/// An instant on the monotonic clock.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Nanoseconds>;

/// The instant that never comes.
inline constexpr TimePoint never = TimePoint::max();

/// Converts any duration, rounding up, saturating at the ends. Throws std::invalid_argument for
/// NaN.
template <class Rep, class Period>
constexpr Nanoseconds to_nanoseconds(std::chrono::duration<Rep, Period> duration) {
    constexpr Nanoseconds most = Nanoseconds::max();
    if constexpr (std::is_floating_point_v<Rep>) {
        if (duration.count() != duration.count()) {
            throw std::invalid_argument("coir: a duration must not be NaN");
        }
        const std::chrono::duration<long double, std::nano> wide(duration);
        if (wide.count() >= static_cast<long double>(most.count())) return most;
        if (wide.count() <= -static_cast<long double>(most.count())) return -most;
        return std::chrono::ceil<Nanoseconds>(wide);
    } else {
        using Wide = std::chrono::duration<long double, std::nano>;
        const Wide wide(duration);
        if (wide.count() >= static_cast<long double>(most.count())) return most;
        if (wide.count() <= -static_cast<long double>(most.count())) return -most;
        return std::chrono::ceil<Nanoseconds>(duration);
    }
}

/// `start + duration`, saturating: an overflow is `never`, and a negative duration is `start`.
constexpr TimePoint saturating_add(TimePoint start, Nanoseconds duration) noexcept {
    if (duration.count() <= 0) return start;
    if (start.time_since_epoch() > Nanoseconds::max() - duration) return never;
    return start + duration;
}

}  // namespace v0
}  // namespace coir
