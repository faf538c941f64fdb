// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "load.hpp"
#include "system.hpp"

namespace coir_bench {

struct EchoLoadPlan {
  int port = 0;  // of an echo server on 127.0.0.1
  std::size_t connections = 64;
  std::size_t size = 64;  // bytes of a message, at least 1
};

// A closed-loop load for an echo server: one message under way on each connection. Every answer is
// compared with its message. Used by echo-load and by the coir command.
class EchoLoad : public Load {
 protected:
  static constexpr std::int64_t kSilenceMaxNs = 5'000'000'000;

  struct Connection {
    UniqueFd socket;
    std::int64_t sent_ns = 0;
    std::uint64_t sequence = 0;
    std::string out;
    std::string in;
  };

  // Connects all.
  explicit EchoLoad(const EchoLoadPlan& plan);

  // Makes the next message of a connection.
  static void prepare_message(Connection& connection, std::int64_t now_ns);
  // Checks and counts a whole answer.
  void count_answer(const Connection& connection, std::int64_t now_ns);
  [[noreturn]] static void fail_closed();
  [[noreturn]] static void fail_silent();

  const EchoLoadPlan plan_;
  std::vector<Connection> connections_;
};

// On io_uring. It sleeps until a quarter of the connections, at most 256, have answered, so that it
// is the server and not the generator which is busy all the time. The latencies include that wait:
// measure them with few connections. Throws std::system_error if there is no io_uring of Linux 6.1.
std::unique_ptr<EchoLoad> make_ring_load(const EchoLoadPlan& plan);

// On epoll, for machines without io_uring.
std::unique_ptr<EchoLoad> make_epoll_load(const EchoLoadPlan& plan);

}  // namespace coir_bench
