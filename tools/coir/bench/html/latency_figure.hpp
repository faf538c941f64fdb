// SPDX-License-Identifier: BSL-1.0
// How long the operations of a case took, by percentile: curves, and the table of some of them.
#pragma once

#include "bench/html/report_view.hpp"

#include <string>

namespace coir_tool {

/// A card for each run, with the same axes; empty where no latency was measured.
std::string format_latency_figures(const ReportView& report, const ScenarioView& scenario,
                                   const CaseView& view, const std::string& id);

/// The time that at least this share of the operations did not exceed. REQUIRES: not empty.
double latency_at(const std::vector<LatencyPoint>& latency, double share);

}  // namespace coir_tool
