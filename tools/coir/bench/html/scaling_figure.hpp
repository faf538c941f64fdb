// SPDX-License-Identifier: BSL-1.0
// Cases that differ in one number, such as the connections: a curve over it for each subject.
#pragma once

#include "bench/html/report_view.hpp"

#include <string>

namespace coir_tool {

/// A card for each axis that at least two cases share, and each run that has them.
std::string format_scaling_figures(const ReportView& report, const ScenarioView& scenario,
                                   const std::string& id);

}  // namespace coir_tool
