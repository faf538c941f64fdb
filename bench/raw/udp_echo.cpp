// SPDX-License-Identifier: BSL-1.0
#include "udp_echo.hpp"

#include <sys/socket.h>

#include <memory>

#include "../support/system.hpp"
#include "waiters.hpp"

namespace coir_bench {

namespace {

// Returns whether there was one.
bool echo_one(int fd, char* buffer, std::size_t buffer_bytes, int flags) {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  auto* const address = reinterpret_cast<sockaddr*>(&from);
  const ssize_t got = ::recvfrom(fd, buffer, buffer_bytes, flags, address, &size);
  if (got < 0 && (errno == EAGAIN || errno == ECONNREFUSED)) return false;
  if (got < 0) throw_errno("recvfrom");
  // To a client that is gone it fails, as it should.
  static_cast<void>(::sendto(fd, buffer, static_cast<std::size_t>(got), 0, address, size));
  return true;
}

template <class Waiter>
[[noreturn]] void echo_ready_datagrams(int fd, std::size_t buffer_bytes) {
  Waiter waiter;
  waiter.add(fd, POLLIN, nullptr);
  const auto buffer = std::make_unique<char[]>(buffer_bytes);
  for (;;) {
    waiter.wait([&](Token, unsigned) {
      while (echo_one(fd, buffer.get(), buffer_bytes, MSG_DONTWAIT)) {
      }
    });
  }
}

}  // namespace

void echo_datagrams_epoll(int fd, std::size_t buffer_bytes) {
  echo_ready_datagrams<EpollWaiter>(fd, buffer_bytes);
}

void echo_datagrams_poll(int fd, std::size_t buffer_bytes) {
  echo_ready_datagrams<PollWaiter>(fd, buffer_bytes);
}

void echo_datagrams_blocking(int fd, std::size_t buffer_bytes) {
  const auto buffer = std::make_unique<char[]>(buffer_bytes);
  for (;;) echo_one(fd, buffer.get(), buffer_bytes, 0);
}

}  // namespace coir_bench
