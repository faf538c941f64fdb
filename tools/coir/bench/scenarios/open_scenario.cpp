// SPDX-License-Identifier: BSL-1.0
// The scenario echo-open: latencies when messages come on a schedule, at shares of what the server can
// do at most.
#include "bench/scenarios/echo_server.hpp"
#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/scenarios.hpp"
#include "bench/syscall_count.hpp"
#include "table.hpp"

#include "support/open_load.hpp"

#include <stdexcept>

namespace coir_tool {
namespace {

using coir_bench::Transport;

constexpr double seconds_for_capacity = 0.5;

// On epoll as the open loop is, so that the generator can keep up with what is asked of it later.
double measure_capacity(const ScenarioPlan& plan, const ServedPlan& of_case) {
    if (!plan.interrupt) throw std::logic_error("nobody to measure the capacity for");
    const Subject subject{plan.first_reactor, Subject::Kind::reactor, {}, {}};
    Served served = echo_server(subject, Transport::Tcp, buffer_for(of_case.size));
    served.connect = [=](int where) {
        return closed_loop(echo_load_plan(of_case, {Transport::Tcp, where}), false);
    };
    return measure_served(*plan.interrupt, served, seconds_for_capacity).sample.value;
}

PacedLoad paced_load(const ServedPlan& plan, double rate) {
    return {[=](int where) { return closed_loop(echo_load_plan(plan, {Transport::Tcp, where}), false); },
            [=](int where, double times) {
                return coir_bench::make_open_load(
                    {{Transport::Tcp, where}, plan.connections, plan.size, rate * times});
            }};
}

Served open_server(const Subject& subject, const ServedPlan& plan, double rate) {
    Served served = echo_server(subject, Transport::Tcp, buffer_for(plan.size));
    served.connect = [open = paced_load(plan, rate).open](int where) { return open(where, 1); };
    return served;
}

std::string case_name(double percent, const std::string& rate, const ScenarioPlan& plan,
                      std::size_t connections) {
    std::string name = format_whole(percent) + " %: " + rate;
    if (plan.connections.size() > 1) name += ", " + connections_phrase(connections);
    return name;
}

Workload open_workload(const ScenarioPlan& plan, const ServedPlan& of_case, double percent,
                       double rate) {
    Workload workload = served_workload(
        "echo-open",
        "p99 of TCP echo at shares of what " + plan.first_reactor +
            " can do at most, from when a message should have been sent; " +
            messages_phrase(of_case.size),
        of_case,
        [=](const Subject& subject) { return open_server(subject, of_case, rate); });
    workload.count_syscalls = [=](InterruptWatch& interrupt, const Subject& subject, double seconds) {
        return std::vector{count_paced_syscalls(interrupt, open_server(subject, of_case, rate), seconds,
                                                paced_load(of_case, rate))};
    };
    workload.cases = {{case_name(percent, format_short(rate) + "/s", plan, of_case.connections), "ns",
                       false, "load %", percent}};
    workload.baselines = raw_echo_servers(Transport::Tcp);
    workload.peers = true;
    workload.measure = [measure = std::move(workload.measure)](
                           InterruptWatch& interrupt, const Subject& subject, double seconds) {
        std::vector<Measured> measured = measure(interrupt, subject, seconds);
        measured.at(0).sample.value = measured.at(0).sample.p99_ns;
        return measured;
    };
    return workload;
}

// In place of rates: every subject says why there are none.
void fail_all(std::vector<Workload>& workloads, const ChildFailure& failure) {
    for (Workload& workload : workloads) {
        workload.measure = [failure](InterruptWatch&, const Subject&,
                                     double) -> std::vector<Measured> {
            throw ChildFailure(std::string("its capacity could not be measured: ") + failure.what());
        };
    }
}

std::vector<Workload> at_shares_of(const ScenarioPlan& plan, const ServedPlan& of_case,
                                   double capacity) {
    std::vector<Workload> workloads;
    for (const double percent : {25.0, 50.0, 75.0, 90.0}) {
        workloads.push_back(open_workload(plan, of_case, percent, capacity * percent / 100));
    }
    return workloads;
}

}  // namespace

std::vector<Workload> open_echo_workloads(const ScenarioPlan& plan, const ServedPlan& of_case) {
    try {
        return at_shares_of(plan, of_case, measure_capacity(plan, of_case));
    } catch (const ChildFailure& failure) {
        std::vector<Workload> workloads = at_shares_of(plan, of_case, 0);
        fail_all(workloads, failure);
        return workloads;
    }
}

}  // namespace coir_tool
