// SPDX-License-Identifier: BSL-1.0
#include "scenarios.hpp"

#include "descriptor_limit.hpp"

#include <algorithm>

namespace coir_tool {
namespace {

using Make = std::function<std::vector<Workload>(const ScenarioPlan&)>;

constexpr std::size_t some_connections = 64;
constexpr std::size_t many_connections = 1000;

std::vector<ServedPlan> plans_of(const ScenarioPlan& plan, std::size_t unless_given) {
    std::vector<std::size_t> counts = plan.connections;
    if (counts.empty()) counts = {connections_within_limit(unless_given)};
    std::vector<ServedPlan> plans;
    for (const std::size_t connections : counts) {
        plans.push_back({connections, plan.size, plan.ring_load});
    }
    return plans;
}

// A workload for each number of connections.
Make for_connections(Workload (*make)(const ServedPlan&),
                     std::size_t unless_given = some_connections) {
    return [=](const ScenarioPlan& plan) {
        std::vector<Workload> workloads;
        for (const ServedPlan& one : plans_of(plan, unless_given)) workloads.push_back(make(one));
        return workloads;
    };
}

std::vector<Workload> make_open_echo(const ScenarioPlan& plan) {
    std::vector<Workload> workloads;
    for (const ServedPlan& one : plans_of(plan, some_connections)) {
        for (Workload& workload : open_echo_workloads(plan, one)) {
            workloads.push_back(std::move(workload));
        }
    }
    return workloads;
}

Make only(Workload (*make)()) {
    return [=](const ScenarioPlan&) { return std::vector{make()}; };
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
         for_connections(echo_workload)},
        {"echo-open", "latencies of echo at 25, 50, 75 and 90 % of what the first reactor can do", false,
         true, make_open_echo},
        {"unix", "echo on Unix stream sockets", false, true, for_connections(unix_workload)},
        {"udp", "the same with datagrams, and how many are lost", false, true,
         for_connections(udp_workload)},
        {"pipe", "the same on pipes", false, true, for_connections(pipe_workload, 1), 4},
        {"proxy", "a TCP proxy before an echo server", false, true, for_connections(proxy_workload), 2},
        {"rpc", "a task with a timeout for each request, which computes and sleeps or locks", false, true,
         for_connections(rpc_workload)},
        {"accept", "connections with one message each, as fast as they come", false, true,
         for_connections(accept_workload)},
        {"many", "TCP echo where a tenth of the connections is active", false, true,
         for_connections(many_workload, many_connections)},
        {"idle", "memory and CPU time for connections that do nothing", false, true,
         for_connections(idle_workload, many_connections)},
        {"files", "random reads of 4 KiB, cached and not, and synced appends, 16 at once", false, false,
         [](const ScenarioPlan&) { return files_workloads(); }},
        {"dns", "getaddrinfo() of localhost, 16 at once", false, false, only(dns_workload)},
        {"subprocess", "starting a program and waiting for it, one by one and 16 at once", false, false,
         [](const ScenarioPlan&) {
             return std::vector{subprocess_workload(1), subprocess_workload(16)};
         }},
        {"channel", "items from one task to another: Queue and Channel", false, false,
         only(channel_workload)},
        {"mutex", "a Lock, uncontended and handed over among 16 tasks", false, false,
         only(mutex_workload)},
        {"wake", "calls from another thread to a sleeping and to a busy loop", false, false,
         only(wake_workload)},
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
