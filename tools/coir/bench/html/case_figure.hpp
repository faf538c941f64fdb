// SPDX-License-Identifier: BSL-1.0
// A case as a card of the page: bars with their spread, and the table of all its figures.
#pragma once

#include "bench/html/report_view.hpp"

#include <string>

namespace coir_tool {

/// `id` begins the ids within.
std::string format_case_figure(const ReportView& report, const ScenarioView& scenario,
                               const CaseView& view, const std::string& id);

/// "requests per second, more is better"
std::string describe_unit(const CaseInfo& info);

}  // namespace coir_tool
