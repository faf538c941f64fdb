// SPDX-License-Identifier: BSL-1.0
// Measuring workloads on several reactors in interleaved rounds, A B C A B C: what disturbs the
// machine disturbs all alike, and ratios within a round mean something.
#pragma once

#include "probe.hpp"
#include "workload.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace coir_tool {

struct ReactorResult {
    std::string reactor;
    /// By case, then by round. Rounds have the same index for all reactors.
    std::vector<std::vector<Sample>> samples;
    std::string failure;  ///< why it was given up; empty: it was not
};

struct WorkloadResult {
    const Workload* workload = nullptr;
    std::vector<ReactorResult> reactors;
    std::size_t rounds = 0;  ///< that are complete for all reactors that did not fail
};

struct RoundPlan {
    double seconds = 1;
    std::size_t rounds = 5;
    /// Before each round: whether to go on. Called with the number of complete rounds.
    std::function<bool(std::size_t)> go_on;
    /// After each measurement: how many of all are done, and what comes next.
    std::function<void(std::size_t done, std::size_t all, const std::string& next)> progress;
};

/// One short measurement of each, thrown away, then the rounds; in each round all workloads one
/// after another, and all reactors for each. A reactor that fails a workload is not measured on it
/// again. A signal ends it early and is told by `interrupted`; incomplete rounds are dropped.
std::vector<WorkloadResult> run_rounds(InterruptWatch& interrupt,
                                       const std::vector<Workload>& workloads,
                                       const std::vector<ProbedReactor>& reactors,
                                       const RoundPlan& plan,
                                       std::optional<InterruptedBySignal>& interrupted);

}  // namespace coir_tool
