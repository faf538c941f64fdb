// SPDX-License-Identifier: BSL-1.0
#include "echo_load.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace coir_bench {

namespace {

UniqueFd connect_to(int port) {
  UniqueFd socket(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  const int on = 1;
  check(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  // Close by reset: no connection stays behind in TIME_WAIT.
  const linger reset{1, 0};
  check(::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  check(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
        "connect");
  return socket;
}

}  // namespace

EchoLoad::EchoLoad(const EchoLoadPlan& plan) : plan_(plan), connections_(plan.connections) {
  for (Connection& connection : connections_) {
    connection.socket = connect_to(plan.port);
    connection.out.assign(plan.size, 'q');
    connection.in.resize(plan.size);
  }
}

void EchoLoad::prepare_message(Connection& connection, std::int64_t now_ns) {
  connection.sent_ns = now_ns;
  ++connection.sequence;
  std::memcpy(connection.out.data(), &connection.sequence,
              std::min(connection.out.size(), sizeof connection.sequence));
}

void EchoLoad::count_answer(const Connection& connection, std::int64_t now_ns) {
  if (connection.in != connection.out) {
    throw std::runtime_error("the server answered something else");
  }
  count_answer_after(now_ns - connection.sent_ns);
}

void EchoLoad::fail_closed() { throw std::runtime_error("the server closed a connection"); }
void EchoLoad::fail_silent() { throw std::runtime_error("the server fell silent"); }

}  // namespace coir_bench
