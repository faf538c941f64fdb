// SPDX-License-Identifier: BSL-1.0
#include "endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace coir_bench {

namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;

  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress address_of(const Endpoint& endpoint) {
  SocketAddress address;
  if (endpoint.transport == Transport::Unix) {
    auto* const local = reinterpret_cast<sockaddr_un*>(&address.storage);
    local->sun_family = AF_UNIX;
    const std::string name = "coir-bench-" + std::to_string(endpoint.number);
    name.copy(local->sun_path + 1, name.size());  // after a NUL: an abstract name
    address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  } else {
    auto* const internet = reinterpret_cast<sockaddr_in*>(&address.storage);
    internet->sin_family = AF_INET;
    internet->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    internet->sin_port = htons(static_cast<std::uint16_t>(endpoint.number));
    address.size = sizeof(sockaddr_in);
  }
  return address;
}

template <class Value>
void set_option(const UniqueFd& socket, int level, int option, const Value& value,
                const char* name) {
  check(::setsockopt(socket.get(), level, option, &value, sizeof value), name);
}

UniqueFd plain_socket(Transport transport, int flags) {
  const int family = transport == Transport::Unix ? AF_UNIX : AF_INET;
  const int type = transport == Transport::Udp ? SOCK_DGRAM : SOCK_STREAM;
  UniqueFd socket(check(::socket(family, type | SOCK_CLOEXEC | flags, 0), "socket"));
  // Accepted sockets inherit it.
  if (transport == Transport::Tcp) set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
  return socket;
}

// Room for a datagram of each of very many clients, as far as the system allows.
void enlarge_receive_buffer(const UniqueFd& socket) {
  const int bytes = 8 << 20;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) == 0) return;
  set_option(socket, SOL_SOCKET, SO_RCVBUF, bytes, "SO_RCVBUF");
}

}  // namespace

UniqueFd open_socket(Transport transport, int flags) {
  UniqueFd socket = plain_socket(transport, flags);
  if (transport == Transport::Tcp) {
    set_option(socket, SOL_SOCKET, SO_LINGER, linger{1, 0}, "SO_LINGER");
  }
  return socket;
}

int connect_socket(int fd, const Endpoint& endpoint) {
  SocketAddress address = address_of(endpoint);
  return ::connect(fd, address.data(), address.size);
}

UniqueFd connect_to(const Endpoint& endpoint) {
  UniqueFd socket = open_socket(endpoint.transport);
  check(connect_socket(socket.get(), endpoint), "connect");
  return socket;
}

BoundSocket open_server(Transport transport) {
  // The kernel chooses a port; a process has one Unix server at most.
  const int number = transport == Transport::Unix ? ::getpid() : 0;
  BoundSocket bound{plain_socket(transport, 0), {transport, number}};
  SocketAddress address = address_of(bound.endpoint);
  check(::bind(bound.socket.get(), address.data(), address.size), "bind");
  if (transport == Transport::Udp) {
    enlarge_receive_buffer(bound.socket);
  } else {
    check(::listen(bound.socket.get(), 4096), "listen");
  }
  if (transport == Transport::Unix) return bound;
  check(::getsockname(bound.socket.get(), address.data(), &address.size), "getsockname");
  bound.endpoint.number = ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
  return bound;
}

}  // namespace coir_bench
