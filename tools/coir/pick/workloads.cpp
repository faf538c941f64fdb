// SPDX-License-Identifier: BSL-1.0
#include "workloads.hpp"

#include "bench/scenarios/scenarios.hpp"
#include "descriptor_limit.hpp"

#include <iterator>

namespace coir_tool {
namespace {

using Workloads = std::vector<Workload>;

// Less than that buys more rounds of less: without rounds there is no interval.
constexpr double budget_for_counts = 4;
constexpr double budget_for_all = 10;

// Few, some and many, unless the user says how many.
std::vector<std::size_t> connection_counts(const PickLoadPlan& plan) {
    if (plan.connections) return {*plan.connections};
    if (plan.budget < budget_for_counts) return {64};
    return {4, 64, connections_within_limit(512)};
}

Workloads for_connections(const PickLoadPlan& plan, Workload (*make)(const ServedPlan&)) {
    Workloads workloads;
    for (const std::size_t connections : connection_counts(plan)) {
        workloads.push_back(make({connections, plan.size, plan.ring_load}));
    }
    return workloads;
}

Workloads make_echo(const PickLoadPlan& plan) { return for_connections(plan, echo_workload); }
Workloads make_proxy(const PickLoadPlan& plan) { return for_connections(plan, proxy_workload); }
Workloads make_rpc(const PickLoadPlan& plan) { return for_connections(plan, rpc_workload); }
Workloads make_files(const PickLoadPlan&) { return files_workloads(); }
Workloads make_timers(const PickLoadPlan&) { return {timers_workload(), lateness_workload()}; }

Workloads make_mixed(const PickLoadPlan& plan) {
    Workloads workloads = make_echo(plan);
    workloads.push_back(spawn_workload(1000));
    if (plan.budget < budget_for_all) return workloads;
    workloads.push_back(rpc_workload({plan.connections.value_or(64), plan.size, plan.ring_load}));
    Workloads files = files_workloads();
    std::move(files.begin(), files.end(), std::back_inserter(workloads));
    return workloads;
}

}  // namespace

const std::vector<PickLoad>& pick_loads() {
    static const std::vector<PickLoad> loads = {
        {"mixed", "a bit of everything a server does: echo, rpc, files, spawning", true, make_mixed},
        {"echo", "small requests and answers on TCP connections", true, make_echo},
        {"proxy", "forwarding TCP connections", true, make_proxy},
        {"rpc", "requests that each get a task, a timeout and some work", true, make_rpc},
        {"files", "random reads and synced appends", false, make_files},
        {"timers", "arming, cancelling and firing timers", false, make_timers},
    };
    return loads;
}

}  // namespace coir_tool
