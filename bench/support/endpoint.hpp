// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "system.hpp"

namespace coir_bench {

enum class Transport { Tcp, Unix, Udp };

// Where a server on this machine is reached: at a port of 127.0.0.1, or at a number in an abstract
// Unix name, which leaves no file behind.
struct Endpoint {
  Transport transport = Transport::Tcp;
  int number = 0;
};

// Two descriptors that lead to a peer and back; of a socket, twice the same.
struct Ends {
  int out = -1;
  int in = -1;
};

// A socket for connecting to such a server. TCP sends at once, and closes by reset, so that no
// connection stays behind in TIME_WAIT. `flags`: SOCK_NONBLOCK or nothing.
UniqueFd open_socket(Transport transport, int flags = 0);

// As connect(2).
int connect_socket(int fd, const Endpoint& endpoint);

// A connected socket. Throws std::system_error.
UniqueFd connect_to(const Endpoint& endpoint);

struct BoundSocket {
  UniqueFd socket;
  Endpoint endpoint;
};

// A server's socket: listening, or, of datagrams, bound. Throws std::system_error.
BoundSocket open_server(Transport transport);

}  // namespace coir_bench
