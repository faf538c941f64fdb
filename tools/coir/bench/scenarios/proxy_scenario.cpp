// SPDX-License-Identifier: BSL-1.0
// The scenario proxy: a TCP proxy is measured; the load generator and the echo server behind the proxy
// share the other CPU.
#include "bench/measured_message.hpp"
#include "bench/scenarios/echo_server.hpp"
#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/scenarios.hpp"

#include "raw/proxy.hpp"

#include <coir/net.hpp>
#include <coir/task_group.hpp>

#include <thread>

#include <sys/socket.h>

namespace coir_tool {
namespace {

using coir_bench::Endpoint;
using coir_bench::Transport;

void forward(coir::Stream& client, int backend_port, std::size_t buffer_size) {
    coir::Stream backend = coir::open_connection("127.0.0.1", backend_port);
    coir::with_task_group([&](coir::TaskGroup& ways) {
        ways.create_task([&] {
            copy(backend, client, buffer_size);
            client.abort();
        });
        copy(client, backend, buffer_size);
        backend.abort();
    });
}

// Two threads for each connection, one for each way.
void forward_blocking(int client, const Endpoint& server, std::size_t buffer_size) {
    const coir_bench::UniqueFd backend = coir_bench::connect_to(server);
    const auto pump = [&](int from, int to) {
        pump_blocking(from, to, buffer_size);
        ::shutdown(from, SHUT_RDWR);
        ::shutdown(to, SHUT_RDWR);
    };
    std::thread back(pump, backend.get(), client);
    pump(client, backend.get());
    back.join();
    ::close(client);
}

constexpr RawLoops<void(int, const Endpoint&, std::size_t)> raw_proxies{
    coir_bench::run_epoll_proxy, coir_bench::run_uring_proxy, coir_bench::run_poll_proxy};

void serve_raw_proxy(const std::string& name, const Endpoint& backend, std::size_t buffer_size,
                     const Ready& ready) {
    if (name == threads_baseline) {
        serve_with_threads([=](int client) { forward_blocking(client, backend, buffer_size); },
                           ready);
    }
    const coir_bench::BoundSocket bound = coir_bench::open_server(Transport::Tcp);
    ready(bound.endpoint.number);
    raw_proxies.named(name)(bound.socket.get(), backend, buffer_size);
}

Served proxy_server(const Subject& subject, const Endpoint& backend, const ServedPlan& plan) {
    const std::size_t buffer_size = buffer_for(plan.size);
    Served served;
    served.serve = [=, name = subject.name](const Ready& ready) {
        if (subject.kind == Subject::Kind::baseline) {
            serve_raw_proxy(name, backend, buffer_size, ready);
        }
        serve_streams(
            name,
            [=](coir::Stream& client) { forward(client, backend.number, buffer_size); },
            ready);
    };
    served.connect = [plan](int where) {
        return closed_loop(echo_load_plan(plan, {Transport::Tcp, where}), plan.ring_load);
    };
    return served;
}

}  // namespace

Workload proxy_workload(const ServedPlan& plan) {
    const WithServer with_proxy = [plan](InterruptWatch& interrupt, const Subject& subject,
                                         double seconds,
                                         const std::function<void(const Served&)>& use) {
        const Subject echo{epoll_baseline, Subject::Kind::baseline, {}, {}};
        const ServerChild backend(interrupt,
                                  echo_server(echo, Transport::Tcp, buffer_for(plan.size)), 1,
                                  Child::Clock::now() + patience(seconds));
        use(proxy_server(subject, {Transport::Tcp, backend.where()}, plan));
    };
    Workload workload = served_workload(
        "proxy", "a TCP proxy before an echo server, " + messages_phrase(plan.size) + ", closed loop",
        plan, with_proxy);
    workload.baselines = all_baselines();
    return workload;
}

}  // namespace coir_tool
