// SPDX-License-Identifier: BSL-1.0
// The list of scenarios, and how one is run.
#include "scenario.hpp"

#include <utility>

namespace coir_scenarios {

const std::vector<const Scenario*>& all_scenarios() {
    static const std::vector<const Scenario*> all{
        &accept_limits_scenario,
        &bridge_sync_scenario,
        &bufring_scenario,
        &cancel_matrix_scenario,
        &children_scenario,
        &close_anywhere_scenario,
        &cq_tiny_scenario,
        &deadline_race_scenario,
        &deadlock_scenario,
        &echo_pair_scenario,
        &echo_storm_scenario,
        &fd_reuse_scenario,
        &lock_garden_scenario,
        &messengers_scenario,
        &oom_scenario,
        &op_storm_scenario,
        &queue_pipeline_scenario,
        &slowloris_scenario,
        &task_tree_scenario,
        &throwing_zoo_scenario,
        &timeout_nest_scenario,
        &two_loops_scenario,
    };
    return all;
}

const Scenario* find_scenario(std::string_view name) {
    for (const Scenario* scenario : all_scenarios()) {
        if (scenario->name == name) return scenario;
    }
    return nullptr;
}

coir::testing::SimOptions prepared(const Scenario& scenario, coir::testing::SimOptions options) {
    if (options.faults) return options;
    options.faults = coir::testing::SimFaults::drawn(options.seed);
    if (scenario.prepare) scenario.prepare(options);
    return options;
}

coir::testing::SimResult run_scenario(const Scenario& scenario,
                                      const coir::testing::SimOptions& options) {
    auto result = coir::testing::simulate(prepared(scenario, options), scenario.run);
    expect(result.open_descriptors == 0, "all descriptors are closed");
    expect(result.open_processes == 0, "all processes have been waited for");
    return result;
}

}  // namespace coir_scenarios
