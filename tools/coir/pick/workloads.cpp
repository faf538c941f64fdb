// SPDX-License-Identifier: BSL-1.0
#include "workloads.hpp"

#include "bench/scenarios/scenarios.hpp"
#include "descriptor_limit.hpp"

namespace coir_tool {
namespace {

// Few, some and many, unless the user says how many. A small budget buys more rounds of less:
// without rounds there is no interval.
std::vector<std::size_t> connection_counts(const PickLoadPlan& plan) {
    constexpr double budget_for_all = 4;
    if (plan.connections) return {*plan.connections};
    if (plan.budget < budget_for_all) return {64};
    return {4, 64, connections_within_limit(512)};
}

std::vector<Workload> make_echo(const PickLoadPlan& plan) {
    std::vector<Workload> workloads;
    for (const std::size_t connections : connection_counts(plan)) {
        workloads.push_back(echo_workload({connections, plan.size, plan.ring_load}));
    }
    return workloads;
}

std::vector<Workload> make_timers(const PickLoadPlan&) {
    return {timers_workload(), lateness_workload()};
}

std::vector<Workload> make_mixed(const PickLoadPlan& plan) {
    std::vector<Workload> workloads = make_echo(plan);
    workloads.push_back(spawn_workload(1000));
    workloads.push_back(timers_workload());
    return workloads;
}

}  // namespace

const std::vector<PickLoad>& pick_loads() {
    static const std::vector<PickLoad> loads = {
        {"mixed", "a bit of everything a server does", true, make_mixed},
        {"echo", "small requests and answers on TCP connections", true, make_echo},
        {"timers", "arming, cancelling and firing timers", false, make_timers},
    };
    return loads;
}

}  // namespace coir_tool
