// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "../support/clock.hpp"

// Raw echo loops: what one can get from a kernel interface with nothing in between. The same loops
// run the self echo (one thread, both ends) and the echo server of the two-process benchmark.
namespace coir_bench {

// What an echo loop is to do.
struct EchoPlan {
  // Connected blocking stream sockets to echo on. A loop may close them when the peer is gone, and
  // leaves them open otherwise.
  std::vector<int> sockets;
  // Most bytes received at once. Greater than a message, lest a whole one look like a part.
  std::size_t buffer_bytes = 4096;
  // Stop after so many messages, the first part of which is not timed. 0 = go on.
  std::uint64_t warm_up_count = 0;
  std::uint64_t timed_count = 0;
  // Also accept from this listening socket, and stop when that descriptor is readable. -1 = none.
  int listen_fd = -1;
  int stop_fd = -1;
};

struct EchoResult {
  std::uint64_t count = 0;  // messages received and sent in the timed part
  std::int64_t elapsed_ns = 0;
};

// Runs a plan to its end. Throws std::system_error if the kernel refuses.
using EchoLoop = std::function<EchoResult(const EchoPlan&)>;

EchoResult echo_epoll(const EchoPlan& plan);              // raw_epoll.cpp
EchoResult echo_epoll_edge(const EchoPlan& plan);         // raw_epoll.cpp
EchoResult echo_poll(const EchoPlan& plan);               // raw_poll.cpp
EchoResult echo_uring(const EchoPlan& plan);              // raw_uring.cpp
EchoResult echo_uring_poll_first(const EchoPlan& plan);   // raw_uring.cpp
EchoResult echo_uring_sends_first(const EchoPlan& plan);  // raw_uring.cpp
EchoResult echo_uring_multishot(const EchoPlan& plan);    // raw_uring_multishot.cpp

// Tells an echo loop when it is done, and takes the time of the timed part.
class EchoMeter {
 public:
  explicit EchoMeter(const EchoPlan& plan)
      : warm_up_count_(plan.warm_up_count), timed_count_(plan.timed_count) {}

  void count_message() { ++received_; }
  std::uint64_t received() const { return received_; }

  // Called between batches. Returns whether the plan's messages are done.
  bool finished() {
    if (timed_count_ == 0 || received_ < warm_up_count_) return false;
    if (begin_ns_ == 0) {
      begin_ns_ = now_ns();
      begin_count_ = received_;
      return false;
    }
    if (received_ - begin_count_ < timed_count_) return false;
    result_ = {received_ - begin_count_, now_ns() - begin_ns_};
    return true;
  }

  const EchoResult& result() const { return result_; }

 private:
  const std::uint64_t warm_up_count_;
  const std::uint64_t timed_count_;
  std::uint64_t received_ = 0;
  std::uint64_t begin_count_ = 0;
  std::int64_t begin_ns_ = 0;
  EchoResult result_;
};

// Waits until all of `data` is in the socket's send buffer, for loops whose socket calls do not
// block: the slow path when the buffer is full. Returns false if the peer is gone.
bool send_rest(int fd, const char* data, std::size_t bytes);  // raw_epoll.cpp

}  // namespace coir_bench
