// SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>

#include <string>
#include <vector>

#include "../support/clock.hpp"
#include "ring.hpp"
#include "rpc.hpp"

namespace coir_bench {

namespace {

constexpr std::size_t kConnectionsMax = 8192;  // whose completions always have room

class UringService {
 public:
  UringService(int listen_fd, std::size_t bytes, const RequestWork& work)
      : listen_fd_(listen_fd), bytes_(bytes), work_(work), ring_(kConnectionsMax) {
    accept();
  }

  [[noreturn]] void run() {
    for (;;) {
      ring_.submit_and_wait(1);
      ring_.reap([this](const io_uring_cqe& cqe) {
        auto* const connection = static_cast<Connection*>(io_uring_cqe_get_data(&cqe));
        connection == nullptr ? accepted(cqe) : advance(connection, cqe.res);
      });
      answer_waiting();
    }
  }

 private:
  // It has one operation in flight, unless it waits for its turn. Both are of a whole request
  // (MSG_WAITALL): the kernel itself goes on after a part.
  struct Connection {
    UniqueFd socket;
    std::string request;
    bool answering = false;
    std::int64_t deadline_ns = 0;
  };

  void accept() {
    io_uring_sqe* const sqe = ring_.entry();
    io_uring_prep_multishot_accept(sqe, listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    io_uring_sqe_set_data(sqe, nullptr);
  }

  void accepted(const io_uring_cqe& cqe) {
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) accept();
    if (cqe.res >= 0) receive(new Connection{UniqueFd(cqe.res), std::string(bytes_, '\0')});
  }

  void advance(Connection* connection, int result) {
    if (result != static_cast<int>(bytes_)) {
      delete connection;  // its end, or an error
    } else if (connection->answering) {
      receive(connection);
    } else {
      handle(connection);
    }
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
      if (now_ns() < connection->deadline_ns) {
        answer(connection);
      } else {
        delete connection;
      }
    }
    waiting_.clear();
  }

  void receive(Connection* connection) {
    connection->answering = false;
    io_uring_sqe* const sqe = ring_.entry();
    io_uring_prep_recv(sqe, connection->socket.get(), connection->request.data(), bytes_, MSG_WAITALL);
    io_uring_sqe_set_data(sqe, connection);
  }

  void answer(Connection* connection) {
    connection->answering = true;
    io_uring_sqe* const sqe = ring_.entry();
    io_uring_prep_send(sqe, connection->socket.get(), connection->request.data(), bytes_,
                       MSG_NOSIGNAL | MSG_WAITALL);
    io_uring_sqe_set_data(sqe, connection);
  }

  const int listen_fd_;
  const std::size_t bytes_;
  const RequestWork& work_;
  Ring ring_;
  std::vector<Connection*> waiting_;  // for their turn
};

}  // namespace

void serve_requests_uring(int listen_fd, std::size_t bytes, const RequestWork& work) {
  UringService(listen_fd, bytes, work).run();
}

}  // namespace coir_bench
