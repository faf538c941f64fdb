// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "result.hpp"

#include <string>
#include <vector>

namespace coir_tool {

/// A latency distribution in the text form of HdrHistogram's percentile output, in microseconds: its
/// plotters read it. REQUIRES: not empty.
std::string format_hgrm(const std::vector<LatencyPoint>& latency);

}  // namespace coir_tool
