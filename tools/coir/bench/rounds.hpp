// SPDX-License-Identifier: BSL-1.0
// Measuring workloads on several subjects in interleaved rounds, A B C C B A: what disturbs the
// machine disturbs all alike, and ratios within a round mean something.
#pragma once

#include "result.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace coir_tool {

/// A workload and what it is measured on.
struct Job {
    Workload workload;
    std::vector<Subject> subjects;
};

struct RoundPlan {
    double seconds = 1;
    std::size_t rounds = 5;
    bool count_syscalls = false;  ///< after the rounds
    /// Before each round: whether to go on. Called with the number of complete rounds.
    std::function<bool(std::size_t)> go_on;
    /// Before each measurement: how many of all are done, and what comes next.
    std::function<void(std::size_t done, std::size_t all, const std::string& next)> progress;
};

/// One short measurement of each, thrown away, then the rounds; in each round all jobs one after
/// another, and all subjects for each. A subject that fails a workload is not measured on it again.
/// A signal ends it early and is told by `interrupted`; incomplete rounds are dropped.
std::vector<CaseResult> run_rounds(InterruptWatch& interrupt, const std::vector<Job>& jobs,
                                   const RoundPlan& plan, NoiseGuard& noise,
                                   std::optional<InterruptedBySignal>& interrupted);

}  // namespace coir_tool
