// SPDX-License-Identifier: BSL-1.0
#include "served_workload.hpp"

#include "bench/syscall_count.hpp"
#include "table.hpp"

#include <coir/await.hpp>
#include <coir/run.hpp>
#include <coir/server.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace coir_tool {

Workload connections_workload(std::string scenario, std::string title, const ServedPlan& plan) {
    Workload workload;
    workload.scenario = std::move(scenario);
    workload.title = std::move(title);
    workload.cases = {{connections_phrase(plan.connections), "requests/s", true, "connections",
                       static_cast<double>(plan.connections)}};
    return workload;
}

Workload served_workload(std::string scenario, std::string title, const ServedPlan& plan,
                         const WithServer& with_server) {
    Workload workload = connections_workload(std::move(scenario), std::move(title), plan);
    workload.measure = [=](InterruptWatch& interrupt, const Subject& subject, double seconds) {
        std::vector<Measured> measured;
        with_server(interrupt, subject, seconds, [&](const Served& served) {
            measured = {measure_served(interrupt, served, seconds)};
        });
        return measured;
    };
    workload.count_syscalls = [=](InterruptWatch& interrupt, const Subject& subject,
                                  double seconds) {
        std::vector<double> calls;
        with_server(interrupt, subject, seconds, [&](const Served& served) {
            calls = {count_served_syscalls(interrupt, served, seconds)};
        });
        return calls;
    };
    return workload;
}

Workload served_workload(std::string scenario, std::string title, const ServedPlan& plan,
                         const std::function<Served(const Subject&)>& server) {
    const WithServer with_server = [server](InterruptWatch&, const Subject& subject, double,
                                            const std::function<void(const Served&)>& use) {
        use(server(subject));
    };
    return served_workload(std::move(scenario), std::move(title), plan, with_server);
}

std::string connections_phrase(std::size_t count) {
    return format_whole(static_cast<double>(count)) + (count == 1 ? " connection" : " connections");
}

std::string messages_phrase(std::size_t size) {
    return "messages of " + format_whole(static_cast<double>(size)) +
           (size == 1 ? " byte" : " bytes");
}

std::size_t buffer_for(std::size_t size) { return std::clamp<std::size_t>(size, 4096, 64 * 1024); }

std::unique_ptr<coir_bench::Load> closed_loop(const coir_bench::EchoLoadPlan& plan, bool ring_load) {
    // Not by preference: it is the one that a fast server cannot outrun.
    if (ring_load && plan.ends.empty()) return coir_bench::make_ring_load(plan);
    return coir_bench::make_epoll_load(plan);
}

coir_bench::EchoLoadPlan echo_load_plan(const ServedPlan& plan, coir_bench::Endpoint server) {
    coir_bench::EchoLoadPlan load;
    load.server = server;
    load.connections = plan.connections;
    load.size = plan.size;
    return load;
}

void run_on(const std::string& reactor, const std::function<void()>& body) {
    coir::RunOptions options;
    options.reactor = reactor;
    coir::run(body, options);
}

void serve_streams(const std::string& reactor, const StreamHandler& handler, const Ready& ready) {
    run_on(reactor, [&] {
        coir::ServerOptions options;
        options.backlog = 4096;
        coir::Server server = coir::start_server([&](coir::Stream& stream) { handler(stream); },
                                                 "127.0.0.1", 0, options);
        ready(server.port());
        coir::sleep(std::chrono::hours(24));
    });
}

}  // namespace coir_tool
