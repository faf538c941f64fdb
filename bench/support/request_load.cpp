// SPDX-License-Identifier: BSL-1.0
#include "request_load.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <array>
#include <deque>
#include <utility>
#include <vector>

#include "clock.hpp"
#include "system.hpp"

namespace coir_bench {

namespace {

class RequestLoad : public Load {
 public:
  RequestLoad(const RequestLoadPlan& plan, std::unique_ptr<RequestProtocol> protocol)
      : plan_(plan),
        protocol_(std::move(protocol)),
        epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        connections_(plan.connections) {
    for (Connection& connection : connections_) connect(connection);
  }

  void run_for(std::int64_t duration_ns) override {
    const std::int64_t begin_ns = now_ns();
    if (!started_) {
      for (Connection& connection : connections_) ask(connection, plan_.pipeline, begin_ns);
      started_ = true;
    }
    run_epoll(
        epoll_.get(), begin_ns + duration_ns,
        [this](const epoll_event& event, std::int64_t now) { handle(event, now); },
        [](std::int64_t) {});
  }

 private:
  struct Connection {
    UniqueFd socket;
    std::string out;                     // what is not sent yet
    std::string in;                      // what is no whole answer yet
    std::deque<std::int64_t> asked_ns;  // of requests that are not answered
    bool waits_to_send = false;
  };

  void connect(Connection& connection) {
    const int family = plan_.address.ss_family;
    connection.socket = UniqueFd(check(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const int on = 1;
    check(::setsockopt(connection.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on),
          "TCP_NODELAY");
    check(::connect(connection.socket.get(), reinterpret_cast<const sockaddr*>(&plan_.address),
                    plan_.address_size),
          "connect");
    set_interest(connection, EPOLL_CTL_ADD, EPOLLIN);
  }

  void set_interest(Connection& connection, int operation, std::uint32_t interest) {
    epoll_event event{};
    event.events = interest;
    event.data.ptr = &connection;
    check(::epoll_ctl(epoll_.get(), operation, connection.socket.get(), &event), "epoll_ctl");
  }

  void ask(Connection& connection, std::size_t times, std::int64_t now) {
    for (std::size_t nth = 0; nth < times; ++nth) {
      connection.out += protocol_->request();
      connection.asked_ns.push_back(now);
    }
    send_more(connection);
  }

  void send_more(Connection& connection) {
    while (!connection.out.empty()) {
      const ssize_t sent = ::send(connection.socket.get(), connection.out.data(),
                                  connection.out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) break;
      if (sent < 0) throw_errno("send");
      connection.out.erase(0, static_cast<std::size_t>(sent));
    }
    const bool unfinished = !connection.out.empty();
    if (unfinished == connection.waits_to_send) return;
    set_interest(connection, EPOLL_CTL_MOD, unfinished ? EPOLLIN | EPOLLOUT : EPOLLIN);
    connection.waits_to_send = unfinished;
  }

  void handle(const epoll_event& event, std::int64_t now) {
    Connection& connection = *static_cast<Connection*>(event.data.ptr);
    if (event.events & EPOLLOUT) send_more(connection);
    if (!(event.events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    std::array<char, 65536> buffer;
    const ssize_t got = ::recv(connection.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) throw_errno("recv");
    if (got == 0) fail_closed();
    connection.in.append(buffer.data(), static_cast<std::size_t>(got));
    const Taken taken = take_answers(connection, now);
    if (taken.ended) {
      start_anew(connection, now);
    } else if (taken.answers > 0) {
      ask(connection, taken.answers, now);
    }
  }

  struct Taken {
    std::size_t answers = 0;
    bool ended = false;
  };

  Taken take_answers(Connection& connection, std::int64_t now) {
    std::string_view rest = connection.in;
    Taken taken;
    while (!rest.empty() && !taken.ended) {
      const Answer answer = protocol_->parse_answer(rest);
      if (answer.size == 0) break;
      if (connection.asked_ns.empty()) fail_wrong();  // nobody asked
      rest.remove_prefix(answer.size);
      count_answer_after(now - connection.asked_ns.front());
      connection.asked_ns.pop_front();
      ++taken.answers;
      taken.ended = answer.is_last;
    }
    connection.in.erase(0, connection.in.size() - rest.size());
    return taken;
  }

  // What was under way behind the last answer is asked again.
  void start_anew(Connection& connection, std::int64_t now) {
    connection = Connection();
    connect(connection);
    ask(connection, plan_.pipeline, now);
  }

  const RequestLoadPlan plan_;
  const std::unique_ptr<RequestProtocol> protocol_;
  const UniqueFd epoll_;
  std::vector<Connection> connections_;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<Load> make_request_load(const RequestLoadPlan& plan,
                                        std::unique_ptr<RequestProtocol> protocol) {
  return std::make_unique<RequestLoad>(plan, std::move(protocol));
}

}  // namespace coir_bench
