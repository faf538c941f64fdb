// SPDX-License-Identifier: BSL-1.0
// Numbers on the command line, strictly: no sign, no exponent, no suffix but a unit of time.
#pragma once

#include <cstdint>
#include <string_view>

namespace coir_tool {

/// A whole number from `least` to `most`; UsageError otherwise.
std::uint64_t parse_count(std::string_view option, std::string_view text, std::uint64_t least,
                          std::uint64_t most);
/// Seconds from `least` to `most`: "2", "0.25", "2s", "250ms"; UsageError otherwise.
double parse_seconds(std::string_view option, std::string_view text, double least, double most);

/// A share in percent, above 0 and up to 1000: "5", "2.5", "5%". UsageError else.
double parse_percent(std::string_view option, std::string_view text);

}  // namespace coir_tool
