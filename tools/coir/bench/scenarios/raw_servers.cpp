// SPDX-License-Identifier: BSL-1.0
#include "raw_servers.hpp"

#include "raw/echo_loop.hpp"
#include "support/system.hpp"

#include <array>
#include <stdexcept>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace coir_tool {
namespace {

using coir_bench::check;

struct RawLoop {
    std::string_view name;
    coir_bench::EchoResult (*run)(const coir_bench::EchoPlan&);
};
constexpr std::array<RawLoop, 4> raw_loops{{
    {"raw-epoll", coir_bench::echo_epoll},
    {"raw-io_uring", coir_bench::echo_uring},
    {"raw-io_uring-multishot", coir_bench::echo_uring_multishot},
    {"raw-poll", coir_bench::echo_poll},
}};
constexpr std::string_view threads = "threads";

int listen_on_loopback() {
    const int fd = check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    const int on = 1;  // accepted sockets inherit it
    check(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
    check(::listen(fd, 4096), "listen");
    return fd;
}

int port_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    check(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    return ntohs(address.sin_port);
}

void echo_blocking(int fd, std::size_t buffer_size) {
    std::string buffer(buffer_size, '\0');
    for (;;) {
        const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) break;
        std::string_view rest(buffer.data(), static_cast<std::size_t>(got));
        while (!rest.empty()) {
            const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
            if (sent <= 0) break;
            rest.remove_prefix(static_cast<std::size_t>(sent));
        }
        if (!rest.empty()) break;
    }
    ::close(fd);
}

[[noreturn]] void serve_with_threads(int listener, std::size_t buffer_size) {
    for (;;) {
        const int fd = check(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept4");
        std::thread(echo_blocking, fd, buffer_size).detach();
    }
}

}  // namespace

std::vector<std::string> raw_echo_servers() {
    std::vector<std::string> names;
    for (const RawLoop& loop : raw_loops) names.emplace_back(loop.name);
    names.emplace_back(threads);
    return names;
}

void serve_raw_echo(const std::string& name, std::size_t buffer_size, const Ready& ready) {
    const int listener = listen_on_loopback();
    ready(port_of(listener));
    if (name == threads) serve_with_threads(listener, buffer_size);
    coir_bench::EchoPlan plan;
    plan.buffer_bytes = buffer_size;
    plan.listen_fd = listener;
    for (const RawLoop& loop : raw_loops) {
        if (loop.name == name) loop.run(plan);
    }
    throw std::logic_error("no raw loop is called " + name);
}

}  // namespace coir_tool
