// SPDX-License-Identifier: BSL-1.0
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>


#include "clock.hpp"
#include "echo_load.hpp"

namespace coir_bench {

namespace {

class EpollLoad : public EchoLoad {
 public:
  explicit EpollLoad(const EchoLoadPlan& plan)
      : EchoLoad(plan),
        epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        progress_(plan.connections) {
    // Of pipes; sockets are asked for none.
    if (!plan.ends.empty()) ::signal(SIGPIPE, SIG_IGN);
    for (std::size_t index = 0; index < connections_.size(); ++index) {
      set_interest(index, EPOLL_CTL_ADD, connections_[index].ends.in, EPOLLIN);
    }
  }

  void run_for(std::int64_t duration_ns) override {
    const std::int64_t begin_ns = now_ns();
    if (!started_) {
      for (std::size_t index = 0; index < connections_.size(); ++index) start(index, begin_ns);
      started_ = true;
    }
    run_epoll(
        epoll_.get(), begin_ns + duration_ns,
        [this](const epoll_event& event, std::int64_t now) { handle(event, now); },
        [this](std::int64_t now) {
          give_up_lost(now, [&](std::size_t index) { start(index, now); });
        });
  }

 private:
  struct Progress {
    std::size_t sent = 0;
    std::size_t received = 0;
    bool waits_to_send = false;
  };

  void set_interest(std::size_t index, int operation, int fd, std::uint32_t interest) {
    epoll_event event{};
    event.events = interest;
    event.data.u64 = index;
    check(::epoll_ctl(epoll_.get(), operation, fd, &event), "epoll_ctl");
  }

  void wait_to_send(std::size_t index, bool wait) {
    const Ends& ends = connections_[index].ends;
    if (ends.in == ends.out) {
      set_interest(index, EPOLL_CTL_MOD, ends.out, wait ? EPOLLIN | EPOLLOUT : EPOLLIN);
    } else {
      set_interest(index, wait ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, ends.out, EPOLLOUT);
    }
  }

  ssize_t send_some(const Ends& ends, const char* data, std::size_t size) const {
    if (ends.in != ends.out) return ::write(ends.out, data, size);
    return ::send(ends.out, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  ssize_t receive_some(const Ends& ends, char* data, std::size_t size) const {
    if (ends.in != ends.out) return ::read(ends.in, data, size);
    return ::recv(ends.in, data, size, MSG_DONTWAIT);
  }

  void start(std::size_t index, std::int64_t now) {
    prepare_message(connections_[index], now);
    progress_[index].sent = 0;
    progress_[index].received = 0;
    send_more(index);
  }

  void send_more(std::size_t index) {
    const Connection& connection = connections_[index];
    Progress& progress = progress_[index];
    while (progress.sent < plan_.size) {
      const ssize_t sent = send_some(connection.ends, connection.out.data() + progress.sent,
                                     plan_.size - progress.sent);
      if (sent < 0 && errno == EAGAIN) break;
      if (sent < 0) throw_errno("send");
      progress.sent += static_cast<std::size_t>(sent);
    }
    const bool unfinished = progress.sent < plan_.size;
    if (unfinished != progress.waits_to_send) {
      wait_to_send(index, unfinished);
      progress.waits_to_send = unfinished;
    }
  }

  void handle(const epoll_event& event, std::int64_t now) {
    const auto index = static_cast<std::size_t>(event.data.u64);
    if (event.events & EPOLLOUT) send_more(index);
    if (!(event.events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    Connection& connection = connections_[index];
    Progress& progress = progress_[index];
    const ssize_t got = receive_some(connection.ends, connection.in.data() + progress.received,
                                     plan_.size - progress.received);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) throw_errno("recv");
    if (got == 0) fail_closed();
    progress.received += static_cast<std::size_t>(got);
    if (progress.received < plan_.size) return;
    progress.received = 0;
    if (count_answer(connection, now)) start(index, now);
  }

  bool started_ = false;
  const UniqueFd epoll_;
  std::vector<Progress> progress_;
};

}  // namespace

std::unique_ptr<EchoLoad> make_epoll_load(const EchoLoadPlan& plan) {
  return std::make_unique<EpollLoad>(plan);
}

}  // namespace coir_bench
