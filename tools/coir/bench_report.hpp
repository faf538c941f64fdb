// SPDX-License-Identifier: BSL-1.0
// The results of `coir bench`, for people and for programs.
#pragma once

#include "machine_facts.hpp"
#include "probe.hpp"
#include "rounds.hpp"

#include <string>
#include <vector>

namespace coir_tool {

struct BenchReport {
    MachineFacts machine;
    std::string load_start;  ///< load averages
    std::string load_end;
    double seconds = 0;
    std::size_t rounds = 0;               ///< that were asked for
    std::string echo_load;                ///< what the load generator ran on; empty: there was none
    int interrupted_by = 0;               ///< the signal that ended it early; 0: none did
    std::vector<ProbedReactor> unusable;  ///< automatic reactors that were left out
    /// Workloads of one scenario follow each other.
    std::vector<WorkloadResult> results;
};

std::string format_bench_text(const BenchReport& report, bool colours, bool utf8);
/// "schema": "coir.bench/1": the fields of the benchmark programs, and more.
std::string format_bench_json(const BenchReport& report);

}  // namespace coir_tool
