// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "endpoint.hpp"
#include "load.hpp"
#include "system.hpp"

namespace coir_bench {

struct EchoLoadPlan {
  Endpoint server;
  std::size_t connections = 64;
  std::size_t size = 64;  // bytes of a message, at least 1
  std::size_t idle_connections = 0;  // more of them, that are never used
  // On these instead of connections to a server. Not blocking; the caller's to close.
  std::vector<Ends> ends = {};
};

// A closed-loop load for an echo server: one message under way on each connection. Every answer is
// compared with its message. A datagram without an answer counts as lost after a while, and the next
// one is sent. Used by echo-load and by the coir command.
class EchoLoad : public Load {
 protected:
  struct Connection {
    Ends ends;
    std::int64_t sent_ns = 0;
    std::uint64_t sequence = 0;
    std::string out;
    std::string in;
  };

  // Connects all.
  explicit EchoLoad(const EchoLoadPlan& plan);

  // Makes the next message of a connection.
  static void prepare_message(Connection& connection, std::int64_t now_ns);
  // Checks and counts a whole answer. False: it is an earlier datagram's.
  bool count_answer(const Connection& connection, std::int64_t now_ns);
  // Calls send_again(index) for each connection whose datagram is lost.
  template <class SendAgain>
  void give_up_lost(std::int64_t now_ns, const SendAgain& send_again) {
    if (!lost_ || now_ns - looked_for_lost_ns_ < kLostAfterNs / 4) return;
    looked_for_lost_ns_ = now_ns;
    for (std::size_t index = 0; index < connections_.size(); ++index) {
      if (now_ns - connections_[index].sent_ns < kLostAfterNs) continue;
      ++*lost_;
      send_again(index);
    }
  }

  const EchoLoadPlan plan_;
  std::vector<Connection> connections_;

 private:
  static constexpr std::int64_t kLostAfterNs = 200'000'000;

  std::vector<UniqueFd> sockets_;
  std::int64_t looked_for_lost_ns_ = 0;
};

// On io_uring. It sleeps until a quarter of the connections, at most 256, have answered, so that it
// is the server and not the generator which is busy all the time. The latencies include that wait:
// measure them with few connections. Throws std::system_error if there is no io_uring of Linux 6.1.
std::unique_ptr<EchoLoad> make_ring_load(const EchoLoadPlan& plan);

// On epoll, for machines without io_uring, and for pipes.
std::unique_ptr<EchoLoad> make_epoll_load(const EchoLoadPlan& plan);

}  // namespace coir_bench
