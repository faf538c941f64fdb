// SPDX-License-Identifier: BSL-1.0
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>

#include "../support/system.hpp"
#include "echo_loop.hpp"

// Registered once; wait first, then receive, so that no receive is in vain: draining to EAGAIN
// costs a system call a message. Level-triggered, or edge-triggered with a short receive taken as
// the end of what is there; the latter saves the kernel a second look at each socket.
namespace coir_bench {

namespace {

constexpr std::size_t kEventsMax = 256;

void watch(int epoll_fd, int fd, unsigned trigger = 0) {
  epoll_event event{};
  event.events = EPOLLIN | trigger;
  event.data.fd = fd;
  check(::epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

// Returns the bytes echoed; 0 if there was nothing, or the peer is gone.
std::size_t echo_once(int fd, char* buffer, std::size_t buffer_bytes) {
  const ssize_t received = ::recv(fd, buffer, buffer_bytes, MSG_DONTWAIT);
  if (received > 0) {
    const auto bytes = static_cast<std::size_t>(received);
    const ssize_t sent = ::send(fd, buffer, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == received) return bytes;
    const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
    if (send_rest(fd, buffer + done, bytes - done)) return bytes;
  } else if (received < 0 && errno == EAGAIN) {
    return 0;
  }
  ::close(fd);
  return 0;
}

EchoResult run_epoll(const EchoPlan& plan, unsigned trigger) {
  const UniqueFd epoll(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  for (const int fd : plan.sockets) watch(epoll.get(), fd, trigger);
  if (plan.listen_fd >= 0) watch(epoll.get(), plan.listen_fd);
  if (plan.stop_fd >= 0) watch(epoll.get(), plan.stop_fd);

  const auto buffer = std::make_unique<char[]>(plan.buffer_bytes);
  std::array<epoll_event, kEventsMax> events;
  EchoMeter meter(plan);
  while (!meter.finished()) {
    const int count = ::epoll_wait(epoll.get(), events.data(), kEventsMax, -1);
    if (count < 0 && errno == EINTR) continue;
    check(count, "epoll_wait");
    for (int index = 0; index < count; ++index) {
      const int fd = events[static_cast<std::size_t>(index)].data.fd;
      if (fd == plan.stop_fd) return meter.result();
      if (fd == plan.listen_fd) {
        // One accept a wake-up: an accept in vain costs more than another wait.
        const int accepted = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted >= 0) watch(epoll.get(), accepted, trigger);
        continue;
      }
      std::size_t bytes = 0;
      do {
        bytes = echo_once(fd, buffer.get(), plan.buffer_bytes);
        if (bytes > 0) meter.count_message();
      } while (trigger == EPOLLET && bytes == plan.buffer_bytes);
    }
  }
  return meter.result();
}

}  // namespace

bool send_rest(int fd, const char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t sent = ::send(fd, data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      data += sent;
      bytes -= static_cast<std::size_t>(sent);
      continue;
    }
    if (errno != EAGAIN) return false;
    pollfd one{fd, POLLOUT, 0};
    check(::poll(&one, 1, -1), "poll");
  }
  return true;
}

EchoResult echo_epoll(const EchoPlan& plan) { return run_epoll(plan, 0); }

EchoResult echo_epoll_edge(const EchoPlan& plan) { return run_epoll(plan, EPOLLET); }

}  // namespace coir_bench
