// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "../support/harness.hpp"
#include "../support/system.hpp"
#include "echo_loop.hpp"

// Self echo: one thread holds both ends of K connected pairs of sockets, both ends echo whatever
// comes, and K messages circulate. No idle time and no other CPU: the steadiest yardstick for a
// whole runtime. The cost is that of one receive and one send.
namespace coir_bench {

enum class Family { Tcp, Unix };

struct SelfEchoShape {
  Family family = Family::Tcp;
  std::size_t pairs = 64;
  std::size_t message_bytes = 64;
};

// Connected pairs: TCP over loopback with TCP_NODELAY, or AF_UNIX stream. All blocking.
class SocketPairs {
 public:
  explicit SocketPairs(const SelfEchoShape& shape);

  // Both ends of all pairs.
  std::vector<int> descriptors() const;
  // Puts one message on its way in each pair.
  void start_messages(std::size_t message_bytes);

 private:
  std::vector<UniqueFd> sockets_;
};

// One slice: new sockets, some messages to warm up, then the timed part. Returns ns per message.
double run_self_echo(const EchoLoop& loop, const SelfEchoShape& shape);

// For instance "tcp_64B_1000": the group of all cases of that shape. Its baseline is raw epoll.
std::string name_of(const SelfEchoShape& shape);

// Adds the case `name`_`shape`, to be compared with raw epoll.
Case self_echo_case(const std::string& name, EchoLoop loop, const SelfEchoShape& shape);

// The shapes of table C1.
std::vector<SelfEchoShape> self_echo_shapes();

}  // namespace coir_bench
