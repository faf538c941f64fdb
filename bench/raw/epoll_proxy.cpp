// SPDX-License-Identifier: BSL-1.0
#include "epoll_proxy.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace coir_bench {

namespace {

class EpollProxy {
 public:
  EpollProxy(int listen_fd, const Endpoint& backend, std::size_t buffer_bytes)
      : listen_fd_(listen_fd),
        backend_(backend),
        epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        buffer_(buffer_bytes, '\0') {
    set_interest(EPOLL_CTL_ADD, listen_fd, nullptr, EPOLLIN);
  }

  [[noreturn]] void run() {
    for (std::array<epoll_event, 256> events;;) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
      for (int nth = 0; nth < count; ++nth) {
        const epoll_event& event = events[static_cast<std::size_t>(nth)];
        if (event.data.ptr == nullptr) {
          accept();
        } else {
          handle(*static_cast<Side*>(event.data.ptr), event.events);
        }
      }
      ended_.clear();
    }
  }

 private:
  // One of a pair. It is read from as long as its peer takes everything.
  struct Side {
    UniqueFd socket;
    Side* peer = nullptr;
    std::string unsent;  // to this side
    bool reading = true;
  };

  void set_interest(int operation, int fd, Side* side, std::uint32_t interest) {
    epoll_event event{};
    event.events = interest;
    event.data.ptr = side;
    check(::epoll_ctl(epoll_.get(), operation, fd, &event), "epoll_ctl");
  }

  void update_interest(Side& side) {
    set_interest(EPOLL_CTL_MOD, side.socket.get(), &side,
                 (side.reading ? EPOLLIN : 0u) | (side.unsent.empty() ? 0u : EPOLLOUT));
  }

  void accept() {
    UniqueFd client(::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC));
    if (client.get() < 0) return;
    auto* const one = new Side{std::move(client), nullptr, {}, true};
    auto* const other = new Side{connect_to(backend_), one, {}, true};
    one->peer = other;
    for (Side* side : {one, other}) {
      set_interest(EPOLL_CTL_ADD, side->socket.get(), side, EPOLLIN);
    }
  }

  void handle(Side& side, std::uint32_t events) {
    if (side.socket.get() < 0) return;  // ended in this batch
    if (events & (EPOLLHUP | EPOLLERR)) return end(side);
    const bool wants_to_send = !side.unsent.empty() && (events & EPOLLOUT) != 0;
    if (wants_to_send && !send_unsent(side)) return end(side);
    if (side.reading && (events & ~std::uint32_t{EPOLLOUT}) != 0 && !forward(side)) end(side);
  }

  // Both return false when the connection is over.
  bool forward(Side& from) {
    const ssize_t got = ::recv(from.socket.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    Side& to = *from.peer;
    const auto size = static_cast<std::size_t>(got);
    const std::size_t sent = send_some(to, {buffer_.data(), size});
    if (sent == size) return true;
    if (sent > size) return false;
    to.unsent.assign(buffer_, sent, size - sent);
    from.reading = false;
    update_interest(from);
    update_interest(to);
    return true;
  }

  bool send_unsent(Side& to) {
    const std::size_t sent = send_some(to, to.unsent);
    if (sent > to.unsent.size()) return false;
    to.unsent.erase(0, sent);
    if (!to.unsent.empty()) return true;
    to.peer->reading = true;
    update_interest(to);
    update_interest(*to.peer);
    return true;
  }

  // More than there was: the peer is gone.
  static std::size_t send_some(const Side& to, std::string_view bytes) {
    const ssize_t sent =
        ::send(to.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? 0 : bytes.size() + 1;
    return static_cast<std::size_t>(sent);
  }

  void end(Side& side) {
    for (Side* one : {&side, side.peer}) {
      one->socket.reset();
      ended_.emplace_back(one);
    }
  }

  const int listen_fd_;
  const Endpoint backend_;
  const UniqueFd epoll_;
  std::string buffer_;
  std::vector<std::unique_ptr<Side>> ended_;  // events of this batch may still name them
};

}  // namespace

void run_epoll_proxy(int listen_fd, const Endpoint& backend, std::size_t buffer_bytes) {
  EpollProxy(listen_fd, backend, buffer_bytes).run();
}

}  // namespace coir_bench
