// SPDX-License-Identifier: BSL-1.0
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../cases.hpp"
#include "../support/clock.hpp"
#include "ring.hpp"
#include "self_echo.hpp"

// io_uring with and without one option each: zero-copy sends, registered descriptors, multishot accept.
namespace coir_bench {

namespace {

void expect_result(const io_uring_cqe& cqe, std::size_t bytes) {
  check_negative(cqe.res, "a transfer");
  if (static_cast<std::size_t>(cqe.res) != bytes) throw std::runtime_error("a transfer came short");
}

// --- Zero-copy sends ------------------------------------------------------------------------------

// One connection, a message at a time from one end to the other; ns per message.
double run_sends(std::size_t bytes, bool zero_copy) {
  SocketPairs pairs({Family::Tcp, 1, bytes});
  const std::vector<int> ends = pairs.descriptors();
  std::string message(bytes, 'm');
  std::string received(bytes, ' ');
  Ring ring(4);
  const std::size_t messages = bytes < 100'000 ? 4000 : 200;
  const std::size_t warm_up = messages / 10;
  std::int64_t begin_ns = 0;
  for (std::size_t i = 0; i < warm_up + messages; ++i) {
    if (i == warm_up) begin_ns = now_ns();
    io_uring_sqe* const receive = ring.entry();
    io_uring_prep_recv(receive, ends[1], received.data(), bytes, MSG_WAITALL);
    io_uring_sqe* const send = ring.entry();
    if (zero_copy) {
      io_uring_prep_send_zc(send, ends[0], message.data(), bytes, MSG_WAITALL | MSG_NOSIGNAL, 0);
    } else {
      io_uring_prep_send(send, ends[0], message.data(), bytes, MSG_WAITALL | MSG_NOSIGNAL);
    }
    // Of a zero-copy send a second completion says that the memory is free again.
    int left = zero_copy ? 3 : 2;
    while (left > 0) {
      ring.submit_and_wait(1);
      ring.reap([&](const io_uring_cqe& cqe) {
        --left;
        if ((cqe.flags & IORING_CQE_F_NOTIF) == 0) expect_result(cqe, bytes);
      });
    }
  }
  return static_cast<double>(now_ns() - begin_ns) / static_cast<double>(messages);
}

// --- Registered descriptors -----------------------------------------------------------------------

// A message on each of 64 pairs, all sends and then all receives; ns per message.
double run_transfers(Family family, bool registered) {
  constexpr std::size_t kPairs = 64;
  constexpr std::size_t kBytes = 64;
  constexpr int kTurns = 200;
  constexpr int kTurnsWarmUp = 40;
  SocketPairs pairs({family, kPairs, kBytes});
  const std::vector<int> fds = pairs.descriptors();
  std::string buffers(kBytes * kPairs, 'm');
  Ring ring(kPairs);
  if (registered) {
    check_negative(io_uring_register_files(ring.get(), fds.data(), static_cast<unsigned>(fds.size())),
                   "registering descriptors");
  }
  const auto batch = [&](std::size_t first, bool send) {
    for (std::size_t pair = 0; pair < kPairs; ++pair) {
      const std::size_t index = 2 * pair + first;
      const int fd = registered ? static_cast<int>(index) : fds[index];
      char* const buffer = buffers.data() + pair * kBytes;
      io_uring_sqe* const sqe = ring.entry();
      if (send) {
        io_uring_prep_send(sqe, fd, buffer, kBytes, MSG_NOSIGNAL);
      } else {
        io_uring_prep_recv(sqe, fd, buffer, kBytes, 0);
      }
      if (registered) sqe->flags |= IOSQE_FIXED_FILE;
    }
    ring.submit_and_wait(kPairs);
    ring.reap([&](const io_uring_cqe& cqe) { expect_result(cqe, kBytes); });
  };
  std::int64_t begin_ns = 0;
  for (int turn = -kTurnsWarmUp; turn < kTurns; ++turn) {
    if (turn == 0) begin_ns = now_ns();
    batch(0, true);
    batch(1, false);
  }
  return static_cast<double>(now_ns() - begin_ns) / static_cast<double>(kTurns * kPairs);
}

// --- Accepting ------------------------------------------------------------------------------------

enum class Accepting { System_call, One_shot, Multishot };

// Connections over loopback, 64 at a time, which this thread makes itself; ns per connection, all of it.
double run_accepts(Accepting how) {
  constexpr int kBatch = 64;
  constexpr int kBatches = 20;
  const UniqueFd listener(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  check(::bind(listener.get(), generic, length), "bind");
  check(::listen(listener.get(), 2 * kBatch), "listen");
  check(::getsockname(listener.get(), generic, &length), "getsockname");
  Ring ring(kBatch);
  bool armed = false;
  std::vector<UniqueFd> accepted;
  const auto accept_all = [&] {
    accepted.clear();
    if (how == Accepting::System_call) {
      while (accepted.size() < kBatch) {
        accepted.emplace_back(check(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
      }
      return;
    }
    if (how == Accepting::One_shot) {
      for (int i = 0; i < kBatch; ++i) {
        io_uring_prep_accept(ring.entry(), listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
      }
    } else if (!armed) {
      io_uring_prep_multishot_accept(ring.entry(), listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
      armed = true;
    }
    while (accepted.size() < kBatch) {
      ring.submit_and_wait(1);
      ring.reap([&](const io_uring_cqe& cqe) {
        accepted.emplace_back(check_negative(cqe.res, "accept"));
        if (how == Accepting::Multishot && (cqe.flags & IORING_CQE_F_MORE) == 0) armed = false;
      });
    }
  };
  const linger reset{1, 0};  // no ports in TIME_WAIT
  std::int64_t begin_ns = 0;
  for (int batch = -2; batch < kBatches; ++batch) {
    if (batch == 0) begin_ns = now_ns();
    std::vector<UniqueFd> clients;
    for (int i = 0; i < kBatch; ++i) {
      clients.emplace_back(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
      check(::setsockopt(clients.back().get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
      check(::connect(clients.back().get(), generic, length), "connect");
    }
    accept_all();
  }
  return static_cast<double>(now_ns() - begin_ns) / (kBatch * kBatches);
}

}  // namespace

void add_raw_ring_option_cases(std::vector<Case>& cases) {
  for (const std::size_t bytes : {std::size_t{4096}, std::size_t{65'536}, std::size_t{1'048'576}}) {
    const std::string group = "zero_copy_" + std::to_string(bytes);
    cases.push_back({.name = "send_" + std::to_string(bytes), .group = group, .baseline = true, .run = [=] {
                       return run_sends(bytes, false);
                     }});
    cases.push_back({.name = "send_zc_" + std::to_string(bytes), .group = group, .run = [=] {
                       return run_sends(bytes, true);
                     }});
  }
  for (const Family family : {Family::Tcp, Family::Unix}) {
    const std::string name = family == Family::Tcp ? "tcp" : "unix";
    cases.push_back({.name = "descriptor_" + name, .group = "descriptors_" + name, .baseline = true, .run = [=] {
                       return run_transfers(family, false);
                     }});
    cases.push_back({.name = "registered_" + name, .group = "descriptors_" + name, .run = [=] {
                       return run_transfers(family, true);
                     }});
  }
  cases.push_back({.name = "accept4", .group = "accept", .baseline = true, .run = [] {
                     return run_accepts(Accepting::System_call);
                   }});
  cases.push_back(
      {.name = "accept_one_shot", .group = "accept", .run = [] { return run_accepts(Accepting::One_shot); }});
  cases.push_back(
      {.name = "accept_multishot", .group = "accept", .run = [] { return run_accepts(Accepting::Multishot); }});
}

}  // namespace coir_bench
