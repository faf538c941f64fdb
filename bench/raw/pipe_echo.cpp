// SPDX-License-Identifier: BSL-1.0
#include "pipe_echo.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <array>
#include <string>
#include <string_view>

namespace coir_bench {

namespace {

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EAGAIN) {
      pollfd one{fd, POLLOUT, 0};
      check(::poll(&one, 1, -1), "poll");
      continue;
    }
    if (written < 0) throw_errno("write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Returns whether the pipe goes on.
bool echo_once(const Ends& pipe, std::string& buffer) {
  const ssize_t got = ::read(pipe.in, buffer.data(), buffer.size());
  if (got < 0 && errno == EAGAIN) return true;
  if (got <= 0) return false;
  write_all(pipe.out, {buffer.data(), static_cast<std::size_t>(got)});
  return true;
}

}  // namespace

void echo_pipes_epoll(const std::vector<Ends>& pipes, std::size_t buffer_bytes) {
  const UniqueFd epoll(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  for (std::size_t index = 0; index < pipes.size(); ++index) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    check(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, pipes[index].in, &event), "epoll_ctl");
  }
  std::string buffer(buffer_bytes, '\0');
  for (std::array<epoll_event, 256> events;;) {
    const int count = ::epoll_wait(epoll.get(), events.data(), events.size(), -1);
    if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
    for (int nth = 0; nth < count; ++nth) {
      const Ends& pipe = pipes[static_cast<std::size_t>(events[static_cast<std::size_t>(nth)].data.u64)];
      if (!echo_once(pipe, buffer)) {
        check(::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, pipe.in, nullptr), "epoll_ctl");
      }
    }
  }
}

void echo_pipe_blocking(const Ends& pipe, std::size_t buffer_bytes) {
  std::string buffer(buffer_bytes, '\0');
  while (echo_once(pipe, buffer)) {
  }
}

}  // namespace coir_bench
