// SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "../cases.hpp"
#include "../support/clock.hpp"
#include "ring.hpp"
#include "self_echo.hpp"

// The kernel's floor below the self echo: the same messages, but first all sends and then all
// receives, with nothing waited for and no event loop. The ratio of io_uring to plain system calls
// here tells what io_uring can gain at all on this machine; it depends on what the CPU and its
// mitigations make of a system call and of an indirect call.
namespace coir_bench {

namespace {

constexpr int kTurns = 200;
constexpr int kTurnsWarmUp = 40;

// One message each way in turn: in even turns all first ends send, in odd turns all second ends.
// batch(senders, receivers) moves one message on every pair.
template <class Batch>
double run_floor(const SelfEchoShape& shape, Batch batch) {
  const SocketPairs pairs(shape);
  std::array<std::vector<int>, 2> ends;
  const std::vector<int> fds = pairs.descriptors();
  for (std::size_t index = 0; index < fds.size(); ++index) ends[index % 2].push_back(fds[index]);

  std::int64_t begin_ns = 0;
  for (int turn = -kTurnsWarmUp; turn < kTurns; ++turn) {
    if (turn == 0) begin_ns = now_ns();
    if (turn % 2 == 0) {
      batch(ends[0], ends[1]);
    } else {
      batch(ends[1], ends[0]);
    }
  }
  const auto messages = static_cast<double>(kTurns) * static_cast<double>(shape.pairs);
  return static_cast<double>(now_ns() - begin_ns) / messages;
}

double run_syscalls(const SelfEchoShape& shape) {
  std::string buffer(shape.message_bytes, 'm');
  const auto expected = static_cast<ssize_t>(shape.message_bytes);
  return run_floor(shape, [&](const std::vector<int>& senders, const std::vector<int>& receivers) {
    for (const int fd : senders) {
      if (::send(fd, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_NOSIGNAL) != expected) {
        throw_errno("send");
      }
    }
    for (const int fd : receivers) {
      if (::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT) != expected) throw_errno("recv");
    }
  });
}

double run_uring(const SelfEchoShape& shape) {
  std::string buffers(shape.message_bytes * shape.pairs, 'm');
  Ring ring(shape.pairs);
  const auto finish = [&] {
    ring.submit_and_wait(static_cast<unsigned>(shape.pairs));
    ring.reap([&](const io_uring_cqe& cqe) {
      check_negative(cqe.res, "send or recv");
      if (static_cast<std::size_t>(cqe.res) != shape.message_bytes) {
        throw std::runtime_error("a message was split");
      }
    });
  };
  return run_floor(shape, [&](const std::vector<int>& senders, const std::vector<int>& receivers) {
    char* buffer = buffers.data();
    for (const int fd : senders) {
      io_uring_prep_send(ring.entry(), fd, buffer, shape.message_bytes, MSG_NOSIGNAL);
      buffer += shape.message_bytes;
    }
    finish();
    buffer = buffers.data();
    for (const int fd : receivers) {
      io_uring_prep_recv(ring.entry(), fd, buffer, shape.message_bytes, 0);
      buffer += shape.message_bytes;
    }
    finish();
  });
}

}  // namespace

void add_raw_floor_cases(std::vector<Case>& cases) {
  for (const Family family : {Family::Tcp, Family::Unix}) {
    const SelfEchoShape shape{family, 64, 64};
    const std::string group = "floor_" + name_of(shape);
    cases.push_back({.name = "syscalls_" + group, .group = group, .baseline = true, .run = [=] {
                       return run_syscalls(shape);
                     }});
    cases.push_back(
        {.name = "uring_" + group, .group = group, .run = [=] { return run_uring(shape); }});
  }
}

}  // namespace coir_bench
