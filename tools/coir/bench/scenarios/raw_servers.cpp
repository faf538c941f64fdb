// SPDX-License-Identifier: BSL-1.0
#include "raw_servers.hpp"

#include "raw/echo_loop.hpp"
#include "raw/udp_echo.hpp"
#include "support/system.hpp"

#include <array>
#include <stdexcept>
#include <thread>

#include <sys/socket.h>

namespace coir_tool {
namespace {

using coir_bench::check;
using coir_bench::Transport;

struct RawLoop {
    std::string_view name;
    coir_bench::EchoResult (*run)(const coir_bench::EchoPlan&);
};
constexpr std::array<RawLoop, 4> raw_loops{{
    {epoll_baseline, coir_bench::echo_epoll},
    {uring_baseline, coir_bench::echo_uring},
    {"raw-io_uring-multishot", coir_bench::echo_uring_multishot},
    {poll_baseline, coir_bench::echo_poll},
}};
constexpr RawLoops<void(int, std::size_t)> datagram_loops{coir_bench::echo_datagrams_epoll,
                                                          coir_bench::echo_datagrams_uring,
                                                          coir_bench::echo_datagrams_poll};

void echo_blocking(int fd, std::size_t buffer_size) {
    pump_blocking(fd, fd, buffer_size);
    ::close(fd);
}

[[noreturn]] void accept_for_threads(int listener, const std::function<void(int fd)>& handler) {
    for (;;) {
        const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        // A client that is gone already is none of a server's business.
        if (fd < 0 && errno == ECONNABORTED) continue;
        std::thread(handler, check(fd, "accept4")).detach();
    }
}

void serve_datagrams(const std::string& name, int fd, std::size_t buffer_size) {
    if (name == threads_baseline) coir_bench::echo_datagrams_blocking(fd, buffer_size);
    datagram_loops.named(name)(fd, buffer_size);
}

}  // namespace

std::vector<std::string> all_baselines() {
    return {epoll_baseline, uring_baseline, poll_baseline, threads_baseline};
}

bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void pump_blocking(int from, int to, std::size_t buffer_size) {
    std::string buffer(buffer_size, '\0');
    for (;;) {
        const ssize_t got = ::recv(from, buffer.data(), buffer.size(), 0);
        if (got <= 0) return;
        if (!send_all(to, {buffer.data(), static_cast<std::size_t>(got)})) return;
    }
}

std::vector<std::string> raw_echo_servers(Transport transport) {
    if (transport == Transport::Udp) return all_baselines();
    std::vector<std::string> names;
    for (const RawLoop& loop : raw_loops) names.emplace_back(loop.name);
    names.emplace_back(threads_baseline);
    return names;
}

void serve_raw_echo(const std::string& name, Transport transport, std::size_t buffer_size,
                    const Ready& ready) {
    const coir_bench::BoundSocket bound = coir_bench::open_server(transport);
    const int fd = bound.socket.get();
    ready(bound.endpoint.number);
    if (transport == Transport::Udp) serve_datagrams(name, fd, buffer_size);
    if (name == threads_baseline) {
        accept_for_threads(fd, [=](int client) { echo_blocking(client, buffer_size); });
    }
    coir_bench::EchoPlan plan;
    plan.buffer_bytes = buffer_size;
    plan.listen_fd = fd;
    for (const RawLoop& loop : raw_loops) {
        if (loop.name == name) loop.run(plan);
    }
    throw std::logic_error("no raw loop is called " + name);
}

void serve_with_threads(const std::function<void(int fd)>& handler, const Ready& ready) {
    const coir_bench::BoundSocket bound = coir_bench::open_server(Transport::Tcp);
    ready(bound.endpoint.number);
    accept_for_threads(bound.socket.get(), handler);
}

}  // namespace coir_tool
