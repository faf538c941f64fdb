// SPDX-License-Identifier: BSL-1.0
#include "pipe_echo.hpp"

#include <string>
#include <string_view>

#include "waiters.hpp"

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

template <class Waiter>
void echo_ready_pipes(std::vector<Ends> pipes, std::size_t buffer_bytes) {
  Waiter waiter;
  for (Ends& pipe : pipes) waiter.add(pipe.in, POLLIN, &pipe);
  std::string buffer(buffer_bytes, '\0');
  std::size_t left = pipes.size();
  while (left > 0) {
    waiter.wait([&](Token token, unsigned) {
      const Ends& pipe = *static_cast<Ends*>(token);
      if (echo_once(pipe, buffer)) return;
      waiter.remove(pipe.in);
      --left;
    });
  }
}

}  // namespace

void echo_pipes_epoll(const std::vector<Ends>& pipes, std::size_t buffer_bytes) {
  echo_ready_pipes<EpollWaiter>(pipes, buffer_bytes);
}

void echo_pipes_poll(const std::vector<Ends>& pipes, std::size_t buffer_bytes) {
  echo_ready_pipes<PollWaiter>(pipes, buffer_bytes);
}

void echo_pipe_blocking(const Ends& pipe, std::size_t buffer_bytes) {
  std::string buffer(buffer_bytes, '\0');
  while (echo_once(pipe, buffer)) {
  }
}

}  // namespace coir_bench
