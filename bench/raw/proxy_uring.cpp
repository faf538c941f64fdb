// SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>

#include <array>

#include "proxy.hpp"
#include "ring_pump.hpp"

namespace coir_bench {

namespace {

constexpr std::size_t kProxyWaysMax = 8192;  // whose completions always have room

class UringProxy {
 public:
  UringProxy(int listen_fd, const Endpoint& backend, std::size_t buffer_bytes)
      : listen_fd_(listen_fd),
        backend_(backend),
        pump_(RingPump::Descriptors::Sockets, kProxyWaysMax, buffer_bytes) {
    accept();
  }

  [[noreturn]] void run() {
    for (;;) {
      pump_.ring().submit_and_wait(1);
      pump_.ring().reap([this](const io_uring_cqe& cqe) {
        auto* const way = static_cast<Way*>(io_uring_cqe_get_data(&cqe));
        if (way == nullptr) {
          accepted(cqe);
        } else if (!pump_.advance(*way, cqe.res)) {
          end(way->connection);
        }
      });
    }
  }

 private:
  struct Connection;
  struct Way : RingWay {
    Connection* connection = nullptr;
  };
  struct Connection {
    UniqueFd client;
    UniqueFd backend;
    std::array<Way, 2> ways = {};
    int ended = 0;
  };

  void accept() {
    io_uring_sqe* const sqe = pump_.ring().entry();
    io_uring_prep_multishot_accept(sqe, listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    io_uring_sqe_set_data(sqe, nullptr);
  }

  void accepted(const io_uring_cqe& cqe) {
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) accept();
    if (cqe.res < 0) return;
    auto* const connection = new Connection{UniqueFd(cqe.res), connect_to(backend_)};
    const int client = connection->client.get();
    const int backend = connection->backend.get();
    start(*connection, 0, client, backend);
    start(*connection, 1, backend, client);
  }

  void start(Connection& connection, std::size_t nth, int from, int to) {
    Way& way = connection.ways[nth];
    way.from = from;
    way.to = to;
    way.connection = &connection;
    pump_.start(way);
  }

  // Of its two ways: the first ends the other.
  void end(Connection* connection) {
    if (++connection->ended == 2) {
      delete connection;
      return;
    }
    ::shutdown(connection->client.get(), SHUT_RDWR);
    ::shutdown(connection->backend.get(), SHUT_RDWR);
  }

  const int listen_fd_;
  const Endpoint backend_;
  RingPump pump_;
};

}  // namespace

void run_uring_proxy(int listen_fd, const Endpoint& backend, std::size_t buffer_bytes) {
  UringProxy(listen_fd, backend, buffer_bytes).run();
}

}  // namespace coir_bench
