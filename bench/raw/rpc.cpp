// SPDX-License-Identifier: BSL-1.0
#include "rpc.hpp"

#include <sys/socket.h>

#include <string>
#include <vector>

#include "../support/clock.hpp"
#include "waiters.hpp"

namespace coir_bench {

namespace {

// One operation after the other; it is watched for what it waits for:
//
//   Receiving --whole--> [waits for its turn] --> Answering --all sent--> Receiving
//        `--------- end, error, too late -> deleted <- error ----'
template <class Waiter>
class ReadinessService {
 public:
  ReadinessService(int listen_fd, std::size_t bytes, const RequestWork& work)
      : listen_fd_(listen_fd), bytes_(bytes), work_(work) {
    waiter_.add(listen_fd, POLLIN, nullptr);
  }

  [[noreturn]] void run() {
    for (;;) {
      waiter_.wait([this](Token token, unsigned) {
        if (token == nullptr) {
          accept();
        } else {
          advance(static_cast<Connection*>(token));
        }
      });
      answer_waiting();
    }
  }

 private:
  struct Connection {
    UniqueFd socket;
    std::string request;
    std::size_t received = 0;
    std::size_t sent = 0;
    bool blocked = false;  // an answer does not fit
    std::int64_t deadline_ns = 0;
  };

  void accept() {
    UniqueFd client(::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC));
    if (client.get() < 0) return;
    auto* const connection = new Connection{std::move(client), std::string(bytes_, '\0')};
    waiter_.add(connection->socket.get(), POLLIN, connection);
  }

  void advance(Connection* connection) {
    if (connection->received == bytes_) return answer(connection);
    std::string& request = connection->request;
    const ssize_t got = ::recv(connection->socket.get(), request.data() + connection->received,
                               bytes_ - connection->received, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return end(connection);
    connection->received += static_cast<std::size_t>(got);
    if (connection->received == bytes_) handle(connection);
  }

  void handle(Connection* connection) {
    connection->deadline_ns = now_ns() + kRequestLimitNs;
    if (work_(connection->request)) {
      waiting_.push_back(connection);
    } else {
      answer(connection);
    }
  }

  void answer_waiting() {
    for (Connection* connection : waiting_) {
      now_ns() < connection->deadline_ns ? answer(connection) : end(connection);
    }
    waiting_.clear();
  }

  void answer(Connection* connection) {
    const ssize_t sent =
        ::send(connection->socket.get(), connection->request.data() + connection->sent,
               bytes_ - connection->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return end(connection);
    if (sent > 0) connection->sent += static_cast<std::size_t>(sent);
    const bool blocked = connection->sent < bytes_;
    if (!blocked) connection->received = connection->sent = 0;
    if (blocked == connection->blocked) return;
    connection->blocked = blocked;
    waiter_.modify(connection->socket.get(), blocked ? POLLOUT : POLLIN, connection);
  }

  void end(Connection* connection) {
    waiter_.remove(connection->socket.get());
    delete connection;
  }

  const int listen_fd_;
  const std::size_t bytes_;
  const RequestWork& work_;
  Waiter waiter_;
  std::vector<Connection*> waiting_;  // for their turn
};

}  // namespace

void serve_requests_epoll(int listen_fd, std::size_t bytes, const RequestWork& work) {
  ReadinessService<EpollWaiter>(listen_fd, bytes, work).run();
}

void serve_requests_poll(int listen_fd, std::size_t bytes, const RequestWork& work) {
  ReadinessService<PollWaiter>(listen_fd, bytes, work).run();
}

}  // namespace coir_bench
