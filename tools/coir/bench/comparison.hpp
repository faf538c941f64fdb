// SPDX-License-Identifier: BSL-1.0
// Two runs, before and after: what has changed beyond noise.
#pragma once

#include "result.hpp"

#include "support/statistics.hpp"

#include <string>
#include <vector>

namespace coir_tool {

enum class Change : unsigned char {
    unclear,     ///< too few rounds for an interval
    same,        ///< the interval contains 1
    better,      ///< the whole interval is above 1
    worse,       ///< the whole interval is below 1, but not below the threshold
    regression,  ///< the whole interval is below the threshold
};

/// "too few rounds", "same within noise", ...
const char* name_of(Change change);

struct ChangedSeries {
    std::string scenario;
    CaseInfo info;
    Subject subject;
    double before = 0;  ///< medians
    double after = 0;
    double speed = 1;  ///< above 1 is better, whatever the unit
    coir_bench::Interval speed_interval;
    double cpu_ratio = absent;  ///< after / before: below 1 is better
    double p99_ratio = absent;
    Change change = Change::unclear;
};

struct RunComparison {
    std::vector<ChangedSeries> series;  ///< of every case and subject that both runs have
    std::vector<std::string> only_before;  ///< "echo/64 connections on poll"
    std::vector<std::string> only_after;
    std::vector<std::string> warnings;  ///< why the two may not be comparable

    /// Whether a reactor or a running server, not only a baseline or a peer, is a regression.
    bool regressed() const;
};

/// `threshold` is how much slower counts, as a share: 0.05.
RunComparison compare_runs(const BenchResult& before, const BenchResult& after, double threshold);

}  // namespace coir_tool
