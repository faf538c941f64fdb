// SPDX-License-Identifier: BSL-1.0
// The scenario idle: what connections cost that do nothing.
#include "bench/measured_message.hpp"
#include "bench/process_facts.hpp"
#include "bench/scenarios/echo_server.hpp"
#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/scenarios.hpp"
#include "bench/syscall_count.hpp"

#include "support/clock.hpp"
#include "support/machine.hpp"

#include <algorithm>

#include <sys/socket.h>
#include <unistd.h>

namespace coir_tool {
namespace {

using coir_bench::check;
using coir_bench::UniqueFd;

constexpr useconds_t settle_us = 20'000;

// Used once, so that whatever a server does for a connection it has done.
UniqueFd open_and_use(const coir_bench::Endpoint& server) {
    UniqueFd socket = coir_bench::connect_to(server);
    char byte = 'q';
    check(static_cast<int>(::send(socket.get(), &byte, 1, MSG_NOSIGNAL)), "send");
    if (check(static_cast<int>(::recv(socket.get(), &byte, 1, 0)), "recv") == 0) {
        throw std::runtime_error("the server closed a connection");
    }
    return socket;
}

std::vector<UniqueFd> open_idle(int where, std::size_t connections) {
    std::vector<UniqueFd> open;
    for (std::size_t i = 0; i < connections; ++i) {
        open.push_back(open_and_use({coir_bench::Transport::Tcp, where}));
    }
    ::usleep(settle_us);
    return open;
}

Measured watch(const ServerChild& server, std::size_t connections, double seconds) {
    coir_bench::raise_descriptor_limit();
    coir_bench::pin_to_allowed_cpu(1);
    ::usleep(settle_us);
    const ProcessFacts before = read_process_facts(server.pid());
    const std::vector<UniqueFd> open = open_idle(server.where(), connections);
    const ProcessFacts begin = read_process_facts(server.pid());
    const std::int64_t begin_ns = coir_bench::now_ns();
    ::usleep(static_cast<useconds_t>(seconds * 1e6));
    const ProcessFacts end = read_process_facts(server.pid());
    const double elapsed = static_cast<double>(coir_bench::now_ns() - begin_ns) / 1e9;

    Measured measured;
    Sample& sample = measured.sample;
    sample.operations = static_cast<double>(connections);
    const double growth = static_cast<double>(begin.rss_bytes) - static_cast<double>(before.rss_bytes);
    // One that costs less than a byte has no ratio to others.
    sample.value = std::max(growth / sample.operations, 1.0);
    sample.cpu_ns_per_op = static_cast<double>(end.cpu_ns - begin.cpu_ns) / elapsed;
    sample.switches_per_op = static_cast<double>(end.switches - begin.switches) / elapsed;
    sample.rss_bytes = static_cast<double>(end.rss_bytes);
    return measured;
}

}  // namespace

Workload idle_workload(const ServedPlan& plan) {
    Workload workload = connections_workload(
        "idle",
        "memory of an echo server for each idle connection; CPU/op, calls/op: in a second of idling",
        plan);
    workload.cases[0].unit = "bytes";
    workload.cases[0].higher_is_better = false;
    workload.baselines = raw_echo_servers(coir_bench::Transport::Tcp);
    workload.peers = true;
    const auto server_of = [plan](const Subject& subject) {
        return echo_server(subject, coir_bench::Transport::Tcp, buffer_for(plan.size));
    };
    workload.count_syscalls = [=](InterruptWatch& interrupt, const Subject& subject, double seconds) {
        return std::vector{count_server_syscalls(
            interrupt, server_of(subject), seconds, [&](int where, TracingPhase& phase) {
                const std::vector<UniqueFd> open = open_idle(where, plan.connections);
                begin_tracing(phase);
                count_during(phase, [&] { ::usleep(static_cast<useconds_t>(seconds * 1e6)); });
                return seconds;
            })};
    };
    workload.measure = [=](InterruptWatch& interrupt, const Subject& subject, double seconds) {
        ServerChild server(interrupt, server_of(subject), 0, Child::Clock::now() + patience(seconds));
        try {
            return measure_in_child(interrupt, seconds, [&] {
                return std::vector{watch(server, plan.connections, seconds)};
            });
        } catch (const ChildFailure& failure) {
            server.fail_with_cause(failure);
        }
    };
    return workload;
}

}  // namespace coir_tool
