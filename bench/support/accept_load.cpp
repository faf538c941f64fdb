// SPDX-License-Identifier: BSL-1.0
#include "accept_load.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include "clock.hpp"

namespace coir_bench {

namespace {

class AcceptLoad : public Load {
 public:
  explicit AcceptLoad(const AcceptLoadPlan& plan)
      : plan_(plan),
        epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        message_(plan.size, kFiller),
        visits_(plan.at_once) {}

  void run_for(std::int64_t duration_ns) override {
    const std::int64_t begin_ns = now_ns();
    for (std::size_t index = 0; index < visits_.size(); ++index) {
      if (visits_[index].socket.get() < 0) begin(index, begin_ns);
    }
    run_epoll(
        epoll_.get(), begin_ns + duration_ns,
        [this](const epoll_event& event, std::int64_t now) {
          go_on(static_cast<std::size_t>(event.data.u64), now);
        },
        [](std::int64_t) {});
  }

 private:
  struct Visit {
    UniqueFd socket;
    std::int64_t begin_ns = 0;
    std::size_t sent = 0;
    std::size_t received = 0;
  };

  void begin(std::size_t index, std::int64_t now) {
    Visit& visit = visits_[index];
    visit = {open_socket(plan_.server.transport, SOCK_NONBLOCK), now, 0, 0};
    if (connect_socket(visit.socket.get(), plan_.server) != 0 && errno != EINPROGRESS) {
      throw_errno("connect");
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;  // once for each step that has to be waited for
    event.data.u64 = index;
    check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, visit.socket.get(), &event), "epoll_ctl");
  }

  void go_on(std::size_t index, std::int64_t now) {
    Visit& visit = visits_[index];
    while (visit.sent < plan_.size) {
      const ssize_t sent = ::send(visit.socket.get(), message_.data() + visit.sent,
                                  plan_.size - visit.sent, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) break;
      if (sent < 0) throw_errno("send");
      visit.sent += static_cast<std::size_t>(sent);
    }
    receive(index, now);
  }

  void receive(std::size_t index, std::int64_t now) {
    Visit& visit = visits_[index];
    for (std::array<char, 4096> buffer; visit.received < plan_.size;) {
      const ssize_t got = ::recv(visit.socket.get(), buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EAGAIN) return;
      if (got < 0) throw_errno("recv");
      if (got == 0) fail_closed();
      check_filler({buffer.data(), static_cast<std::size_t>(got)});
      visit.received += static_cast<std::size_t>(got);
    }
    count_answer_after(now - visit.begin_ns);
    visit.socket.reset();
    begin(index, now);
  }

  const AcceptLoadPlan plan_;
  const UniqueFd epoll_;
  const std::string message_;
  std::vector<Visit> visits_;
};

}  // namespace

std::unique_ptr<Load> make_accept_load(const AcceptLoadPlan& plan) {
  return std::make_unique<AcceptLoad>(plan);
}

}  // namespace coir_bench
