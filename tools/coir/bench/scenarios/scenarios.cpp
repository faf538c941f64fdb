// SPDX-License-Identifier: BSL-1.0
#include "scenarios.hpp"

#include <algorithm>

namespace coir_tool {
namespace {

std::vector<Workload> make_echo(const ScenarioPlan& plan) {
    std::vector<Workload> workloads;
    for (const std::size_t connections : plan.connections) {
        workloads.push_back(echo_workload({connections, plan.size, plan.ring_load}));
    }
    return workloads;
}

}  // namespace

const std::vector<Scenario>& all_scenarios() {
    static const std::vector<Scenario> scenarios = {
        {"switch", "yield_now() among 2 and 1,000 ready tasks", true, false,
         [](const ScenarioPlan&) { return std::vector{switch_workload(2), switch_workload(1000)}; }},
        {"spawn", "create_task() and await(), one by one and 1,000 at once", true, false,
         [](const ScenarioPlan&) { return std::vector{spawn_workload(1), spawn_workload(1000)}; }},
        {"timers", "call_later(): arm, cancel, fire; how late sleeping tasks go on", true, false,
         [](const ScenarioPlan&) { return std::vector{timers_workload(), lateness_workload()}; }},
        {"echo", "TCP echo server on loopback against a load generator on another CPU", true, true,
         make_echo},
    };
    return scenarios;
}

const Scenario* find_scenario(const std::string& name) {
    const std::vector<Scenario>& all = all_scenarios();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Scenario& scenario) { return scenario.name == name; });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace coir_tool
