// SPDX-License-Identifier: BSL-1.0
// What the figures of a case say, as sentences: which reactor or server is best, and by how much.
#pragma once

#include "bench/html/report_view.hpp"

#include <string>

namespace coir_tool {

/// "faster", "slower" or "same within noise"; for memory, "smaller" and "larger".
std::string verdict_words(const CaseInfo& info, Finding finding);

/// A sentence in two parts, as markup, without its full stop.
struct BestWords {
    std::string claim;      ///< "io_uring is the fastest"
    std::string separator;  ///< ": "
    std::string margin;     ///< "1.27 times as fast as the next, poll (1.24 to 1.31)"; may be empty
};
BestWords describe_best(const CaseResult& result);

}  // namespace coir_tool
