// SPDX-License-Identifier: BSL-1.0
// Seeds of a scenario, in processes of their own: what ends one costs a seed, not the command.
#pragma once

#include "sim/scenarios/scenario.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace coir_tool {

struct SeedFailure {
    std::uint64_t seed = 0;
    std::string error;
    bool ended_process = false;
};

struct SeedRun {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    unsigned jobs = 1;
};

struct SeedReport {
    std::uint64_t done = 0;
    std::uint64_t choices = 0;
    std::uint64_t least_choices = 0;  ///< of the seed with the fewest
    double seconds = 0;
    std::vector<SeedFailure> failed;  ///< by seed
    int interrupted_by = 0;           ///< a signal, or 0
};

/// Runs them, until one fails, all are done, or Ctrl-C comes; shows the progress.
SeedReport run_seeds(const coir_scenarios::Scenario& scenario, const SeedRun& run);
/// One run, in a process of its own; empty: it went well. `remark`: what is to be said all the same.
std::string run_alone(const coir_scenarios::Scenario& scenario,
                      const coir::testing::SimOptions& options, bool& ended_process,
                      std::string& remark);
std::vector<std::string> sim_scenario_names();

}  // namespace coir_tool
