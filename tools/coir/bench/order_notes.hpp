// SPDX-License-Identifier: BSL-1.0
// Where the columns of a table seem to contradict each other.
#pragma once

#include "result.hpp"

#include <string>
#include <vector>

namespace coir_tool {

/// A sentence for each case in which somebody is ahead of the base by speed and behind it by the median or
/// by p50, or the other way round: why that can be.
std::vector<std::string> order_notes(const std::vector<CaseResult>& cases);

}  // namespace coir_tool
