// SPDX-License-Identifier: BSL-1.0
// A run of `coir bench` as aligned tables, for a terminal.
#pragma once

#include "result.hpp"

#include "support/statistics.hpp"

#include <string>

namespace coir_tool {

struct TextStyle {
    bool colours = false;
    bool utf8 = false;
    bool wide = false;  ///< with every metric
};

std::string format_bench_text(const BenchResult& result, const TextStyle& style);

/// A case's value in its unit: "12.3 ns", "231k/s", "4.1 KB".
std::string format_value(const CaseInfo& info, double value);
/// A metric's; empty when it was not measured.
std::string format_metric(const Metric& metric, double value);
/// "0.97..1.04".
std::string format_interval(const coir_bench::Interval& interval);

}  // namespace coir_tool
