// SPDX-License-Identifier: BSL-1.0
// Boost.Fiber: a fiber for each connection.
//
// Boost.Fiber has no I/O of its own. Its manual offers two ways: a scheduling algorithm whose
// suspend_until(), which is called when no fiber is ready, waits for the foreign source of events;
// or the round_robin of its examples for Boost.Asio, which is not installed with the library. This
// is the first way, with epoll: edge-triggered, and without a read after a short one, which would
// only say that there is nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/fiber/all.hpp>
#include <boost/version.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "peer.h"

namespace {

namespace fibers = boost::fibers;

// A descriptor, and the fiber that waits for it. It is registered once, for both directions.
struct Watched {
  explicit Watched(int descriptor) : fd(descriptor) {}
  const int fd;
  fibers::context* waiter = nullptr;
  bool hung_up = false;  // no further edge will come
};

void wait_for(Watched& watched) {
  watched.waiter = fibers::context::active();
  watched.waiter->suspend();
}

class EpollScheduler : public fibers::algo::round_robin {
 public:
  explicit EpollScheduler(int epoll) : epoll_(epoll) {}

  void suspend_until(const std::chrono::steady_clock::time_point& when) noexcept override {
    std::array<epoll_event, 256> events;
    const int count =
        ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), milliseconds_to(when));
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      Watched& watched = *static_cast<Watched*>(event.data.ptr);
      if (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) watched.hung_up = true;
      if (fibers::context* waiter = std::exchange(watched.waiter, nullptr)) {
        fibers::context::active()->schedule(waiter);
      }
    }
  }

  // Only other threads would call it, and there are none.
  void notify() noexcept override {}

 private:
  static int milliseconds_to(const std::chrono::steady_clock::time_point& when) {
    if (when == (std::chrono::steady_clock::time_point::max)()) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(when - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<long>(left.count(), 0, 60'000));
  }

  const int epoll_;
};

void fail(const char* what) { peer_fail("boost-fiber", what, std::strerror(errno)); }

bool watch(int epoll, Watched& watched) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watched;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, watched.fd, &event) == 0;
}

// Whether all of it went out.
bool send_all(Watched& client, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(client.fd, data, size, MSG_NOSIGNAL);
    if (sent >= 0) {
      data += sent;
      size -= static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN) {
      wait_for(client);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void echo(int epoll, int fd) {
  Watched client(fd);
  char buffer[peer_buffer_size];
  if (watch(epoll, client)) {
    for (;;) {
      const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
      if (got > 0) {
        const auto size = static_cast<std::size_t>(got);
        if (!send_all(client, buffer, size)) break;
        if (size < sizeof buffer && !client.hung_up) wait_for(client);
      } else if (got < 0 && errno == EAGAIN) {
        wait_for(client);
      } else if (got == 0 || errno != EINTR) {
        break;
      }
    }
  }
  ::close(fd);
}

void accept_all(int epoll, int listener) {
  Watched watched(listener);
  if (!watch(epoll, watched)) fail("epoll_ctl");
  fibers::pooled_fixedsize_stack stacks;
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      fibers::fiber(fibers::launch::dispatch, std::allocator_arg, stacks, echo, epoll, fd).detach();
    } else if (errno == EAGAIN) {
      wait_for(watched);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      boost::this_fiber::sleep_for(std::chrono::milliseconds(10));
    }
  }
}

int listen_at_loopback() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (::bind(listener, plain, size) < 0) fail("bind");
  if (::listen(listener, peer_backlog) < 0) fail("listen");
  if (::getsockname(listener, plain, &size) < 0) fail("getsockname");
  peer_print_port(ntohs(address.sin_port));
  return listener;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string version = std::to_string(BOOST_VERSION / 100000) + "." +
                              std::to_string(BOOST_VERSION / 100 % 1000) + "." +
                              std::to_string(BOOST_VERSION % 100);
  peer_begin(argc, argv, "boost-fiber", version.c_str());
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) fail("epoll_create1");
  fibers::use_scheduling_algorithm<EpollScheduler>(epoll);
  const int listener = listen_at_loopback();
  Watched input(STDIN_FILENO);
  // A file cannot be polled: it is as good as at its end.
  if (!watch(epoll, input)) return 0;
  fibers::fiber(accept_all, epoll, listener).detach();
  do {
    wait_for(input);
  } while (!peer_input_ended());
  std::_Exit(0);  // the fibers are in the middle of their work
}
