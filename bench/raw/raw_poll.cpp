// SPDX-License-Identifier: BSL-1.0
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

#include "../support/system.hpp"
#include "echo_loop.hpp"

namespace coir_bench {

namespace {

enum class Outcome { Echoed, Nothing, Closed };

Outcome echo_ready(int fd, char* buffer, std::size_t buffer_bytes) {
  const ssize_t received = ::recv(fd, buffer, buffer_bytes, MSG_DONTWAIT);
  if (received > 0) {
    const auto bytes = static_cast<std::size_t>(received);
    const ssize_t sent = ::send(fd, buffer, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == received) return Outcome::Echoed;
    const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
    if (send_rest(fd, buffer + done, bytes - done)) return Outcome::Echoed;
  } else if (received < 0 && errno == EAGAIN) {
    return Outcome::Nothing;
  }
  ::close(fd);
  return Outcome::Closed;
}

}  // namespace

EchoResult echo_poll(const EchoPlan& plan) {
  // poll() skips negative descriptors, so the first two entries may be unused.
  std::vector<pollfd> fds{{plan.stop_fd, POLLIN, 0}, {plan.listen_fd, POLLIN, 0}};
  for (const int fd : plan.sockets) fds.push_back({fd, POLLIN, 0});

  const auto buffer = std::make_unique<char[]>(plan.buffer_bytes);
  EchoMeter meter(plan);
  while (!meter.finished()) {
    int left = ::poll(fds.data(), fds.size(), -1);
    if (left < 0 && errno == EINTR) continue;
    check(left, "poll");
    if (fds[0].revents != 0) break;
    if (fds[1].revents != 0) {
      --left;
      const int accepted = ::accept4(plan.listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (accepted >= 0) fds.push_back({accepted, POLLIN, 0});
    }
    for (std::size_t index = 2; left > 0 && index < fds.size(); ++index) {
      if (fds[index].revents == 0) continue;
      --left;
      switch (echo_ready(fds[index].fd, buffer.get(), plan.buffer_bytes)) {
        case Outcome::Echoed:
          meter.count_message();
          break;
        case Outcome::Nothing:
          break;
        case Outcome::Closed:
          fds[index--] = fds.back();
          fds.pop_back();
          break;
      }
    }
  }
  return meter.result();
}

}  // namespace coir_bench
