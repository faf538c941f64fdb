// SPDX-License-Identifier: BSL-1.0
// What the figures of a case say, as sentences: which reactor or server is best, and by how much.
#pragma once

#include "bench/html/report_view.hpp"

#include <string>

namespace coir_tool {

/// "faster", "slower" or "same within noise"; for memory, "smaller" and "larger".
std::string verdict_words(const CaseInfo& info, Finding finding);

/// One or two sentences, as markup.
std::string describe_best(const CaseResult& result);

}  // namespace coir_tool
