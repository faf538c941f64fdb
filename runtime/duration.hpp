// SPDX-License-Identifier: BSL-1.0
// Durations for people.
#pragma once

#include <coir/time.hpp>

#include <string>

namespace coir {
inline namespace v0 {
namespace detail {

/// "800 ns", "30 us", "250 ms", "12.5 s": whole numbers but for seconds, which have three decimals at
/// most.
inline std::string describe_duration(Nanoseconds duration) {
    const std::int64_t count = duration.count();
    if (count < 1'000) return std::to_string(count) + " ns";
    if (count < 1'000'000) return std::to_string(count / 1'000) + " us";
    if (count < 10'000'000'000) return std::to_string(count / 1'000'000) + " ms";
    std::string text = std::to_string(count / 1'000'000'000);
    std::string decimals = std::to_string(1000 + count / 1'000'000 % 1000);
    while (decimals.back() == '0') decimals.pop_back();
    if (decimals.size() > 1) text += "." + decimals.substr(1);
    return text + " s";
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
