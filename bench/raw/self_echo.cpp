// SPDX-License-Identifier: BSL-1.0
#include "self_echo.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "../cases.hpp"

namespace coir_bench {

namespace {

sockaddr* generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

void prepare_tcp(int fd) {
  const int on = 1;
  check(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  // Close by reset. Otherwise thousands of pairs a run would use up the ports, in TIME_WAIT.
  const linger reset{1, 0};
  check(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
}

UniqueFd tcp_socket() {
  return UniqueFd(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
}

std::vector<UniqueFd> make_tcp_pairs(std::size_t pairs) {
  const UniqueFd listener = tcp_socket();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  check(::bind(listener.get(), generic(address), length), "bind");
  check(::listen(listener.get(), 16), "listen");
  check(::getsockname(listener.get(), generic(address), &length), "getsockname");

  std::vector<UniqueFd> sockets;
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    UniqueFd client = tcp_socket();
    check(::connect(client.get(), generic(address), length), "connect");
    UniqueFd server(check(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
    prepare_tcp(client.get());
    prepare_tcp(server.get());
    sockets.push_back(std::move(client));
    sockets.push_back(std::move(server));
  }
  return sockets;
}

std::vector<UniqueFd> make_unix_pairs(std::size_t pairs) {
  std::vector<UniqueFd> sockets;
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    int ends[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
    sockets.emplace_back(ends[0]);
    sockets.emplace_back(ends[1]);
  }
  return sockets;
}

}  // namespace

SocketPairs::SocketPairs(const SelfEchoShape& shape)
    : sockets_(shape.family == Family::Tcp ? make_tcp_pairs(shape.pairs)
                                           : make_unix_pairs(shape.pairs)) {}

std::vector<int> SocketPairs::descriptors() const {
  std::vector<int> fds;
  for (const UniqueFd& socket : sockets_) fds.push_back(socket.get());
  return fds;
}

void SocketPairs::start_messages(std::size_t message_bytes) {
  const std::string message(message_bytes, 'm');
  for (std::size_t end = 0; end < sockets_.size(); end += 2) {
    const ssize_t sent =
        ::send(sockets_[end].get(), message.data(), message_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent != static_cast<ssize_t>(message_bytes)) throw_errno("sending the first messages");
  }
}

double run_self_echo(const EchoLoop& loop, const SelfEchoShape& shape) {
  SocketPairs pairs(shape);
  pairs.start_messages(shape.message_bytes);
  EchoPlan plan;
  plan.sockets = pairs.descriptors();
  plan.buffer_bytes = shape.message_bytes + 64;
  plan.warm_up_count = std::max<std::uint64_t>(2000, 4 * shape.pairs);
  plan.timed_count = shape.family == Family::Tcp ? 12'000 : 25'000;
  const EchoResult result = loop(plan);
  if (result.count < plan.timed_count) throw std::runtime_error("the echo loop stopped early");
  return static_cast<double>(result.elapsed_ns) / static_cast<double>(result.count);
}

std::string name_of(const SelfEchoShape& shape) {
  const std::string family = shape.family == Family::Tcp ? "tcp" : "unix";
  return family + "_" + std::to_string(shape.message_bytes) + "B_" + std::to_string(shape.pairs);
}

Case self_echo_case(const std::string& name, EchoLoop loop, const SelfEchoShape& shape) {
  return {.name = name + "_" + name_of(shape), .group = name_of(shape), .run = [=] {
            return run_self_echo(loop, shape);
          }};
}

std::vector<SelfEchoShape> self_echo_shapes() {
  return {{Family::Tcp, 64, 64},
          {Family::Unix, 64, 64},
          {Family::Unix, 1000, 64},
          {Family::Tcp, 1000, 64}};
}

void add_raw_self_echo_cases(std::vector<Case>& cases) {
  for (const SelfEchoShape& shape : self_echo_shapes()) {
    cases.push_back(self_echo_case("raw_epoll", echo_epoll, shape));
    cases.back().baseline = true;
    cases.push_back(self_echo_case("raw_epoll_et", echo_epoll_edge, shape));
    cases.push_back(self_echo_case("raw_poll", echo_poll, shape));
    cases.push_back(self_echo_case("raw_uring", echo_uring, shape));
    cases.push_back(self_echo_case("raw_uring_pf", echo_uring_poll_first, shape));
    cases.push_back(self_echo_case("raw_uring_sf", echo_uring_sends_first, shape));
    cases.push_back(self_echo_case("raw_uring_ms", echo_uring_multishot, shape));
  }
}

}  // namespace coir_bench
