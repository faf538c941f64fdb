// SPDX-License-Identifier: BSL-1.0
// From a deadline to what the kernel's waits take.
#pragma once

#include <coir/detail/sys.hpp>
#include <coir/time.hpp>

#include <ctime>
#include <optional>

namespace coir {
inline namespace v0 {
namespace detail {

/// How long to wait until `deadline`: nothing for ever, zero when it has passed. At most an hour: a
/// loop wakes up then, finds nothing, and waits again.
inline std::optional<timespec> time_until(TimePoint deadline, Sys& sys) noexcept {
    if (deadline == never) return std::nullopt;
    if (deadline == TimePoint::min()) return timespec{0, 0};
    Nanoseconds left = deadline - sys.now();
    if (left.count() < 0) left = Nanoseconds(0);
    if (left > std::chrono::hours(1)) left = std::chrono::hours(1);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    return timespec{static_cast<std::time_t>(seconds.count()),
                    static_cast<long>((left - seconds).count())};
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
