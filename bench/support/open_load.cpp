// SPDX-License-Identifier: BSL-1.0
#include "open_load.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <vector>

#include "clock.hpp"

namespace coir_bench {

namespace {

constexpr std::int64_t kLateNs = 100'000;
constexpr std::int64_t kGraceNs = 50'000'000;  // for answers, when everything was sent
constexpr int kSendsAtOnce = 64;               // before answers are looked at

class OpenLoad : public Load {
 public:
  explicit OpenLoad(const OpenLoadPlan& plan)
      : plan_(plan),
        epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        message_(plan.size, kFiller),
        connections_(plan.connections) {
    late_ = 0;
    ::prctl(PR_SET_TIMERSLACK, 1);  // nanosecond: sleeps end when they should
    for (std::size_t index = 0; index < connections_.size(); ++index) {
      connections_[index].socket = connect_to(plan.server);
      set_interest(index, EPOLL_CTL_ADD, EPOLLIN);
    }
  }

  void run_for(std::int64_t duration_ns) override {
    const std::int64_t begin_ns = now_ns();
    const std::int64_t end_ns = begin_ns + duration_ns;
    heard_ns_ = begin_ns;
    std::uint64_t sent = 0;
    const auto due_of = [&](std::uint64_t nth) {
      return begin_ns + static_cast<std::int64_t>(static_cast<double>(nth) * 1e9 / plan_.rate);
    };
    while (due_of(sent) < end_ns) {
      for (int count = 0; count < kSendsAtOnce && due_of(sent) < end_ns; ++count, ++sent) {
        const std::int64_t now = now_ns();
        if (now < due_of(sent)) break;
        if (now - due_of(sent) > kLateNs) ++*late_;
        send(next_++ % connections_.size(), due_of(sent));
      }
      hear_until(std::min(due_of(sent), end_ns));
    }
    const std::int64_t enough_ns = std::max(end_ns, now_ns()) + kGraceNs;
    while (under_way_ > 0 && now_ns() < enough_ns) hear_until(enough_ns);
  }

 private:
  struct Connection {
    UniqueFd socket;
    std::deque<std::int64_t> due_ns;  // of what was sent and not answered
    std::string unsent;
    std::size_t received = 0;  // of the first answer
  };

  void set_interest(std::size_t index, int operation, std::uint32_t interest) {
    epoll_event event{};
    event.events = interest;
    event.data.u64 = index;
    check(::epoll_ctl(epoll_.get(), operation, connections_[index].socket.get(), &event),
          "epoll_ctl");
  }

  void send(std::size_t index, std::int64_t due_ns) {
    Connection& connection = connections_[index];
    connection.due_ns.push_back(due_ns);
    ++under_way_;
    if (!connection.unsent.empty()) {
      connection.unsent += message_;
      return;
    }
    const std::size_t sent = send_some(connection, message_);
    if (sent == message_.size()) return;
    connection.unsent.assign(message_, sent, std::string::npos);
    set_interest(index, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
  }

  void send_unsent(std::size_t index) {
    Connection& connection = connections_[index];
    connection.unsent.erase(0, send_some(connection, connection.unsent));
    if (connection.unsent.empty()) set_interest(index, EPOLL_CTL_MOD, EPOLLIN);
  }

  static std::size_t send_some(const Connection& connection, const std::string& bytes) {
    const ssize_t sent = ::send(connection.socket.get(), bytes.data(), bytes.size(),
                                MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return 0;
    if (sent < 0) throw_errno("send");
    return static_cast<std::size_t>(sent);
  }

  // Sleeps until there is something to read, or until then at most, and reads. epoll_wait() knows
  // milliseconds only.
  void hear_until(std::int64_t until_ns) {
    const std::int64_t wait_ns = std::clamp<std::int64_t>(until_ns - now_ns(), 0, 100'000'000);
    const timespec timeout{0, static_cast<long>(wait_ns)};
    pollfd one{epoll_.get(), POLLIN, 0};
    const int ready = ::ppoll(&one, 1, &timeout, nullptr);
    if (ready < 0 && errno != EINTR) throw_errno("ppoll");
    if (ready > 0) hear();
    const std::int64_t now = now_ns();
    if (under_way_ == 0) heard_ns_ = now;
    if (now - heard_ns_ > kSilenceMaxNs) fail_silent();
  }

  void hear() {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
    if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
    heard_ns_ = now_ns();
    for (int nth = 0; nth < count; ++nth) {
      const epoll_event& event = events[static_cast<std::size_t>(nth)];
      const auto index = static_cast<std::size_t>(event.data.u64);
      if (event.events & EPOLLOUT) send_unsent(index);
      if (event.events & ~std::uint32_t{EPOLLOUT}) receive(connections_[index]);
    }
  }

  void receive(Connection& connection) {
    const ssize_t got =
        ::recv(connection.socket.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) throw_errno("recv");
    if (got == 0) fail_closed();
    check_filler({buffer_.data(), static_cast<std::size_t>(got)});
    connection.received += static_cast<std::size_t>(got);
    for (; connection.received >= plan_.size; connection.received -= plan_.size) {
      if (connection.due_ns.empty()) fail_wrong();
      count_answer_after(std::max<std::int64_t>(heard_ns_ - connection.due_ns.front(), 0));
      connection.due_ns.pop_front();
      --under_way_;
    }
  }

  const OpenLoadPlan plan_;
  const UniqueFd epoll_;
  const std::string message_;
  std::vector<Connection> connections_;
  std::array<char, 64 * 1024> buffer_;
  std::uint64_t next_ = 0;
  std::size_t under_way_ = 0;
  std::int64_t heard_ns_ = 0;
};

}  // namespace

std::unique_ptr<Load> make_open_load(const OpenLoadPlan& plan) {
  return std::make_unique<OpenLoad>(plan);
}

}  // namespace coir_bench
