// SPDX-License-Identifier: BSL-1.0
// The scenario echo: a server of coir's streams on the reactor under test, hand-written loops beside
// it, and the servers of other libraries.
#include "bench/scenarios/scenarios.hpp"
#include "bench/served.hpp"
#include "table.hpp"

#include "bench/scenarios/raw_servers.hpp"
#include "support/echo_load.hpp"

#include <coir/await.hpp>
#include <coir/net.hpp>
#include <coir/run.hpp>

#include <algorithm>
#include <memory>
#include <string_view>

namespace coir_tool {
namespace {

void echo(coir::Stream& stream, std::size_t buffer_size) {
    std::string buffer(buffer_size, '\0');
    try {
        while (const std::size_t got = stream.read(buffer)) {
            stream.write(std::string_view(buffer.data(), got));
        }
    } catch (const coir::IoError&) {
        // The load ends its connections by resetting them.
    }
}

void serve(const std::string& reactor, std::size_t buffer_size, const Ready& ready) {
    coir::RunOptions options;
    options.reactor = reactor;
    coir::run(
        [&] {
            coir::ServerOptions server_options;
            server_options.backlog = 4096;
            coir::Server server =
                coir::start_server([=](coir::Stream& stream) { echo(stream, buffer_size); },
                                   "127.0.0.1", 0, server_options);
            ready(server.port());
            coir::sleep(std::chrono::hours(24));
        },
        options);
}

Served served_by(const Subject& subject, const EchoPlan& plan) {
    const std::size_t buffer_size = std::clamp<std::size_t>(plan.size, 4096, 64 * 1024);
    Served served;
    switch (subject.kind) {
        case Subject::Kind::reactor:
            served.serve = [name = subject.name, buffer_size](const Ready& ready) {
                serve(name, buffer_size, ready);
            };
            break;
        case Subject::Kind::baseline:
            served.serve = [name = subject.name, buffer_size](const Ready& ready) {
                serve_raw_echo(name, buffer_size, ready);
            };
            break;
        case Subject::Kind::peer:
            served.command = subject.command;
            break;
    }
    served.connect = [plan](int port) -> std::unique_ptr<coir_bench::Load> {
        const coir_bench::EchoLoadPlan load{
            .port = port, .connections = plan.connections, .size = plan.size};
        // Not by preference: it is the one that a fast server cannot outrun.
        if (plan.ring_load) return coir_bench::make_ring_load(load);
        return coir_bench::make_epoll_load(load);
    };
    return served;
}

}  // namespace

Workload echo_workload(const EchoPlan& plan) {
    const auto connections = static_cast<double>(plan.connections);
    Workload workload;
    workload.scenario = "echo";
    workload.title = "TCP on loopback, messages of " +
                     format_whole(static_cast<double>(plan.size)) +
                     (plan.size == 1 ? " byte" : " bytes") + ", closed loop";
    workload.cases = {{format_whole(connections) +
                           (plan.connections == 1 ? " connection" : " connections"),
                       "requests/s", true, "connections", connections}};
    workload.baselines = raw_echo_servers();
    workload.peers = true;
    workload.measure = [plan](InterruptWatch& interrupt, const Subject& subject, double seconds) {
        return std::vector{measure_served(interrupt, served_by(subject, plan), seconds)};
    };
    return workload;
}

bool can_load_by_ring(InterruptWatch& interrupt) {
    try {
        in_child(interrupt, std::chrono::seconds(5), [](Sender& sender) {
            coir_bench::make_ring_load({.port = 0, .connections = 0, .size = 1}).release();
            sender.send("");
        });
        return true;
    } catch (const ChildFailure&) {
        return false;
    }
}

}  // namespace coir_tool
