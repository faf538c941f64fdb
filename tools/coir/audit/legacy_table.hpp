// SPDX-License-Identifier: BSL-1.0
// Which functions of libc libcoir-legacy replaces: the library's own table, compiled in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coir_tool {

struct CoveredCall {
    std::string_view symbol;
    std::string_view category;  ///< a word of COIR_LEGACY, or "always"
    bool pooled = false;        ///< made on a thread meanwhile
};

const std::vector<CoveredCall>& covered_calls();
/// Null when it is not replaced.
const CoveredCall* find_covered(std::string_view symbol);
/// The words that COIR_LEGACY may consist of, in the order of the table.
std::vector<std::string> legacy_categories();
/// The same, and what no word of COIR_LEGACY leaves out: every category of a covered call.
std::vector<std::string> covered_categories();
/// Those that are off by default.
std::vector<std::string> optional_legacy_categories();

}  // namespace coir_tool
