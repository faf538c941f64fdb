// SPDX-License-Identifier: BSL-1.0
#include "proxy.hpp"

#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "waiters.hpp"

namespace coir_bench {

namespace {

template <class Waiter>
class ReadinessProxy {
 public:
  ReadinessProxy(int listen_fd, const Endpoint& backend, std::size_t buffer_bytes)
      : listen_fd_(listen_fd), backend_(backend), buffer_(buffer_bytes, '\0') {
    waiter_.add(listen_fd, POLLIN, nullptr);
  }

  [[noreturn]] void run() {
    for (;;) {
      waiter_.wait([this](Token token, unsigned events) {
        if (token == nullptr) {
          accept();
        } else {
          handle(*static_cast<Side*>(token), events);
        }
      });
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

  void update_interest(Side& side) {
    waiter_.modify(side.socket.get(),
                   (side.reading ? POLLIN : 0u) | (side.unsent.empty() ? 0u : POLLOUT), &side);
  }

  void accept() {
    UniqueFd client(::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC));
    if (client.get() < 0) return;
    auto* const one = new Side{std::move(client), nullptr, {}, true};
    auto* const other = new Side{connect_to(backend_), one, {}, true};
    one->peer = other;
    for (Side* side : {one, other}) {
      waiter_.add(side->socket.get(), POLLIN, side);
    }
  }

  void handle(Side& side, unsigned events) {
    if (side.socket.get() < 0) return;  // ended in this batch
    if (events & (POLLHUP | POLLERR)) return end(side);
    const bool wants_to_send = !side.unsent.empty() && (events & POLLOUT) != 0;
    if (wants_to_send && !send_unsent(side)) return end(side);
    if (side.reading && (events & ~unsigned{POLLOUT}) != 0 && !forward(side)) end(side);
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
      waiter_.remove(one->socket.get());
      one->socket.reset();
      ended_.emplace_back(one);
    }
  }

  const int listen_fd_;
  const Endpoint backend_;
  Waiter waiter_;
  std::string buffer_;
  std::vector<std::unique_ptr<Side>> ended_;  // events of this batch may still name them
};

}  // namespace

void run_epoll_proxy(int listen_fd, const Endpoint& backend, std::size_t buffer_bytes) {
  ReadinessProxy<EpollWaiter>(listen_fd, backend, buffer_bytes).run();
}

void run_poll_proxy(int listen_fd, const Endpoint& backend, std::size_t buffer_bytes) {
  ReadinessProxy<PollWaiter>(listen_fd, backend, buffer_bytes).run();
}

}  // namespace coir_bench
