// SPDX-License-Identifier: BSL-1.0
// All cases at a glance: how fast each reactor or server is, compared with the base.
#pragma once

#include "bench/html/report_view.hpp"

#include <string>

namespace coir_tool {

/// Points with their intervals, and a table; empty where none can be compared with another.
std::string format_overview_figure(const ReportView& report);

}  // namespace coir_tool
