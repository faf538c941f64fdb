// SPDX-License-Identifier: BSL-1.0
// TimeLimit: how long a call may wait.
#pragma once

#include <coir/time.hpp>

#include <chrono>
#include <optional>

namespace coir {
inline namespace v0 {

/// How long something may take: any duration, counted from the call that is given it; or until an
/// instant of the loop's clock; or, when default-constructed, without a limit. A negative duration
/// and an instant in the past mean now, a NaN throws std::invalid_argument. Converts implicitly:
/// `wait(tasks, {.timeout = 50ms})`.
class TimeLimit {
public:
    constexpr TimeLimit() noexcept = default;
    constexpr TimeLimit(std::nullopt_t) noexcept {}
    template <class Rep, class Period>
    constexpr TimeLimit(std::chrono::duration<Rep, Period> duration)
        : duration_(to_nanoseconds(duration)) {}
    constexpr TimeLimit(TimePoint instant) noexcept : instant_(instant) {}

    /// When the time is over for a call that begins `now`; `never` without a limit.
    constexpr TimePoint deadline(TimePoint now) const noexcept {
        return duration_ ? saturating_add(now, *duration_) : instant_;
    }

private:
    std::optional<Nanoseconds> duration_;
    TimePoint instant_ = never;
};

}  // namespace v0
}  // namespace coir
