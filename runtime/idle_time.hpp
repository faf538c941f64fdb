// SPDX-License-Identifier: BSL-1.0
// How long a loop has slept, with the sleep that goes on: one number, so that a reader on another
// thread never sees it go back.
#pragma once

#include <coir/detail/sys.hpp>
#include <coir/time.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace coir {
inline namespace v0 {
namespace detail {

/// The total while the loop is awake; while it sleeps, the total less the time at which it fell
/// asleep, which is negative, because the clock was running before the loop was.
class IdleTime {
public:
    void fall_asleep(TimePoint now) noexcept { add(-now.time_since_epoch().count()); }
    void wake_up(TimePoint now) noexcept { add(now.time_since_epoch().count()); }
    /// Any thread.
    Nanoseconds total(Sys& sys) const noexcept {
        std::int64_t total = value_.load(std::memory_order_acquire);
        if (total < 0) total += sys.now().time_since_epoch().count();
        // Who is late here, or is waking up, has another look at the clock than the next reader.
        std::int64_t told = told_.load(std::memory_order_relaxed);
        while (told < total && !told_.compare_exchange_weak(told, total)) {
        }
        return Nanoseconds(std::max(told, total));
    }

private:
    void add(std::int64_t change) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + change, std::memory_order_release);
    }
    std::atomic<std::int64_t> value_{0};
    mutable std::atomic<std::int64_t> told_{0};  // the most that anybody was told
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
