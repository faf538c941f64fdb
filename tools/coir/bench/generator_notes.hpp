// SPDX-License-Identifier: BSL-1.0
// Whether it was the servers that were measured, and not what kept them busy.
#pragma once

#include "result.hpp"

#include <string>
#include <vector>

namespace coir_tool {

/// For each case with a load generator a sentence about how much more it could have asked than the
/// fastest server answered, judged by its CPU time per request; and one about the servers that need
/// less CPU time per request than it does. Where it has a schedule: whether it kept it.
std::vector<std::string> generator_notes(const std::vector<CaseResult>& cases);

}  // namespace coir_tool
