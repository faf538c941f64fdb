// SPDX-License-Identifier: BSL-1.0
// The scenarios of echo servers: echo, unix, udp, accept and many. A server of coir on the reactor
// under test, hand-written ones beside it, and for TCP the servers of other libraries.
#include "bench/scenarios/echo_server.hpp"
#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/scenarios.hpp"
#include "table.hpp"

#include "support/accept_load.hpp"

#include <algorithm>

namespace coir_tool {
namespace {

using coir_bench::Transport;

using Connect = std::function<std::unique_ptr<coir_bench::Load>(coir_bench::Endpoint)>;

Workload echo_like(std::string scenario, std::string title, const ServedPlan& plan,
                   Transport transport, const Connect& connect) {
    Workload workload = served_workload(
        std::move(scenario), std::move(title), plan, [=](const Subject& subject) {
            Served served = echo_server(subject, transport, buffer_for(plan.size));
            served.connect = [=](int where) { return connect({transport, where}); };
            return served;
        });
    workload.baselines = raw_echo_servers(transport);
    workload.peers = transport == Transport::Tcp;
    return workload;
}

Connect closed_loop_of(const ServedPlan& plan) {
    return [plan](coir_bench::Endpoint server) {
        return closed_loop(echo_load_plan(plan, server), plan.ring_load);
    };
}

}  // namespace

Workload echo_workload(const ServedPlan& plan) {
    return echo_like("echo", "TCP on loopback, " + messages_phrase(plan.size) + ", closed loop", plan,
                     Transport::Tcp, closed_loop_of(plan));
}

Workload unix_workload(const ServedPlan& plan) {
    return echo_like("unix", "echo on Unix stream sockets, " + messages_phrase(plan.size) +
                                 ", closed loop",
                     plan, Transport::Unix, closed_loop_of(plan));
}

Workload udp_workload(const ServedPlan& plan) {
    constexpr std::size_t largest = 65'507;
    Workload workload = echo_like(
        "udp", "echo of UDP datagrams on loopback, " + messages_phrase(plan.size) + ", closed loop",
        plan, Transport::Udp, closed_loop_of(plan));
    if (plan.size > largest) {
        workload.measure = [](InterruptWatch&, const Subject&, double) -> std::vector<Measured> {
            throw ChildFailure("a datagram has at most " + format_whole(largest) +
                               " bytes: give a smaller --size");
        };
    }
    return workload;
}

Workload accept_workload(const ServedPlan& plan) {
    Workload workload = echo_like(
        "accept", "connect on loopback, one echo of " + messages_phrase(plan.size) + ", close",
        plan, Transport::Tcp, [plan](coir_bench::Endpoint server) {
            return coir_bench::make_accept_load({server, plan.connections, plan.size});
        });
    workload.cases[0].name = format_whole(static_cast<double>(plan.connections)) + " at once";
    workload.cases[0].unit = "connections/s";
    return workload;
}

Workload many_workload(const ServedPlan& plan) {
    const std::size_t active = std::max<std::size_t>(plan.connections / 10, 1);
    return echo_like(
        "many", "TCP echo where a tenth of the connections is active, " + messages_phrase(plan.size),
        plan, Transport::Tcp, [=](coir_bench::Endpoint server) {
            coir_bench::EchoLoadPlan load = echo_load_plan(plan, server);
            load.connections = active;
            load.idle_connections = plan.connections - active;
            return closed_loop(load, plan.ring_load);
        });
}

bool can_load_by_ring(InterruptWatch& interrupt) {
    try {
        in_child(interrupt, std::chrono::seconds(5), [](Sender& sender) {
            coir_bench::EchoLoadPlan plan;
            plan.connections = 0;
            coir_bench::make_ring_load(plan).release();
            sender.send("");
        });
        return true;
    } catch (const ChildFailure&) {
        return false;
    }
}

}  // namespace coir_tool
