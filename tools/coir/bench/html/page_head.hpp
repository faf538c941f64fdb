// SPDX-License-Identifier: BSL-1.0
// What stands before the pictures: what was run and where, what disturbed it or failed, and what
// came out in plain sentences.
#pragma once

#include "bench/html/report_view.hpp"

#include <string>

namespace coir_tool {

std::string format_title(const ReportView& report);
/// Interruptions, noise and failures, so that nobody overlooks them; empty when there are none.
std::string format_warnings(const ReportView& report);
/// Which reactor or server was best in each case, by how much beyond noise.
std::string format_summary(const ReportView& report);
/// The command, the machine, notes, and what was left out.
std::string format_circumstances(const ReportView& report);

}  // namespace coir_tool
