// SPDX-License-Identifier: BSL-1.0
// The differences that are meant to be: expected_differences.txt.
#pragma once

#include <map>
#include <string>

namespace differential {

/// More would be a way out.
inline constexpr std::size_t most_expected = 5;

/// Reasons by the names of probes. Throws std::runtime_error for a file that cannot be read, has an
/// entry without a reason, or too many entries.
std::map<std::string, std::string> read_expected(const std::string& path);

}  // namespace differential
