// SPDX-License-Identifier: BSL-1.0
// Every workload that `coir bench` and `coir pick` know how to make.
#pragma once

#include "bench/scenarios/served_workload.hpp"
#include "bench/workload.hpp"

#include <cstddef>

namespace coir_tool {

/// A task that yields among `tasks` ready ones.
Workload switch_workload(unsigned tasks);
/// create_task and await, `at_once` tasks at a time. Baseline: threads.
Workload spawn_workload(unsigned at_once);
/// call_later: arming, cancelling, firing.
Workload timers_workload();
/// How much later than asked for a sleeping task goes on.
Workload lateness_workload();

/// A Queue and a Channel from task to task. Baseline: threads.
Workload channel_workload();
/// A Lock, alone and handed over. Baseline: threads.
Workload mutex_workload();
/// call_soon_threadsafe from another thread. Baseline: threads.
Workload wake_workload();
/// Random reads, cached and direct, and synced appends through coir::File. Baselines: threads,
/// raw-io_uring. What cannot be done here fails with a sentence.
std::vector<Workload> files_workloads();
/// getaddrinfo. Baseline: threads.
Workload dns_workload();
/// Programs that end at once, so many at a time. Baseline: threads.
Workload subprocess_workload(unsigned at_once);

/// A server of coir's streams in one process, a closed-loop load generator in another. Baselines:
/// hand-written loops, and a thread for each connection. Takes peers.
Workload echo_workload(const ServedPlan& plan);
/// The same on Unix sockets, without peers.
Workload unix_workload(const ServedPlan& plan);
/// The same with datagrams; what is lost is counted.
Workload udp_workload(const ServedPlan& plan);
/// Connections with one message each, so many at once.
Workload accept_workload(const ServedPlan& plan);
/// Echo where a tenth of the connections is active.
Workload many_workload(const ServedPlan& plan);
/// The same on pipes.
Workload pipe_workload(const ServedPlan& plan);
/// A TCP proxy before an echo server, without peers.
Workload proxy_workload(const ServedPlan& plan);
/// A server with a task and a timeout for each request. Baseline: threads.
Workload rpc_workload(const ServedPlan& plan);
/// Bytes of memory for a connection that does nothing.
Workload idle_workload(const ServedPlan& plan);
/// Whether the load generator can use io_uring here; else it uses epoll. Tried in a child.
bool can_load_by_ring(InterruptWatch& interrupt);

/// What the command line says about the scenarios.
struct ScenarioPlan {
    std::vector<std::size_t> connections = {};  ///< as given; none: what each scenario chooses
    std::size_t size = 64;
    bool ring_load = false;
    /// For what has to be measured before there are cases.
    InterruptWatch* interrupt = nullptr;
    std::string first_reactor = {};
};

/// Echo in an open loop: messages come on a schedule, at shares of the first reactor's capacity, which
/// is measured here. Throws InterruptedBySignal. Baselines and peers as echo_workload().
std::vector<Workload> open_echo_workloads(const ScenarioPlan& plan, const ServedPlan& of_case);

struct Scenario {
    std::string name;
    std::string summary;   ///< one line, for `coir bench list`
    bool everyday = true;  ///< measured when no scenario is named
    bool served = false;   ///< has connections and messages: --connections and --size are its options
    std::function<std::vector<Workload>(const ScenarioPlan&)> make;
    std::size_t descriptors = 1;  ///< of one process, for each connection
};

/// All of them, in the order of reports.
const std::vector<Scenario>& all_scenarios();
/// Null if there is none of that name.
const Scenario* find_scenario(const std::string& name);

}  // namespace coir_tool
