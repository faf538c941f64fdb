// SPDX-License-Identifier: BSL-1.0
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "../support/system.hpp"
#include "echo_loop.hpp"
#include "ring.hpp"

// One-shot receive and send. Each socket has one operation in flight and a buffer of its own:
//
//   Receiving --bytes--> Sending --sent--> Receiving
//        `--end, error--> closed <--error--'
//
// Three styles differ in how the receive after a send is submitted:
// * Plain: at once. In a self echo it is tried in vain, as the answer comes from a later entry of
//   the same batch, and then waits for readiness.
// * PollFirst: it waits for readiness without the try.
// * SendsFirst: after all sends of the batch. In a self echo the data is there, and nothing waits.
//   A server whose clients are elsewhere gains nothing by it.
namespace coir_bench {

namespace {

constexpr std::size_t kServerOperationsMax = 4096;

enum class Style { Plain, PollFirst, SendsFirst };

template <Style kStyle>
class UringEcho {
 public:
  explicit UringEcho(const EchoPlan& plan)
      : plan_(plan),
        ring_(std::max(plan.sockets.size(),
                       plan.listen_fd >= 0 ? kServerOperationsMax : std::size_t{1})),
        meter_(plan) {
    for (const int fd : plan.sockets) receive(fd);
    if (plan.listen_fd >= 0) accept();
    if (plan.stop_fd >= 0) {
      io_uring_sqe* const sqe = ring_.entry();
      io_uring_prep_poll_add(sqe, plan.stop_fd, POLLIN);
      sqe->user_data = RingTag{RingOp::Stop, plan.stop_fd}.pack();
    }
  }

  EchoResult run() {
    while (!stopped_ && !meter_.finished()) {
      ring_.submit_and_wait(1);
      ring_.reap([this](const io_uring_cqe& cqe) { complete(cqe); });
      for (const int fd : receive_later_) receive(fd);
      receive_later_.clear();
    }
    return meter_.result();
  }

 private:
  void complete(const io_uring_cqe& cqe) {
    const RingTag tag = RingTag::unpack(cqe.user_data);
    switch (tag.op) {
      case RingOp::Receive:
        if (cqe.res > 0) {
          meter_.count_message();
          send(tag.fd, static_cast<std::size_t>(cqe.res));
        } else {
          ::close(tag.fd);
        }
        break;
      case RingOp::Send:
        if (cqe.res > 0 && kStyle == Style::SendsFirst) {
          receive_later_.push_back(tag.fd);
        } else if (cqe.res > 0) {
          receive(tag.fd);
        } else {
          ::close(tag.fd);
        }
        break;
      case RingOp::Accept:
        if (cqe.res >= 0) receive(cqe.res);
        accept();
        break;
      case RingOp::Stop:
        stopped_ = true;
        break;
    }
  }

  void receive(int fd) {
    io_uring_sqe* const sqe = ring_.entry();
    io_uring_prep_recv(sqe, fd, buffer_of(fd), plan_.buffer_bytes, 0);
    if constexpr (kStyle == Style::PollFirst) sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    sqe->user_data = RingTag{RingOp::Receive, fd}.pack();
  }

  void send(int fd, std::size_t bytes) {
    io_uring_sqe* const sqe = ring_.entry();
    // WAITALL: the kernel itself goes on after a short send.
    io_uring_prep_send(sqe, fd, buffer_of(fd), bytes, MSG_NOSIGNAL | MSG_WAITALL);
    sqe->user_data = RingTag{RingOp::Send, fd}.pack();
  }

  void accept() {
    io_uring_sqe* const sqe = ring_.entry();
    io_uring_prep_accept(sqe, plan_.listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
    sqe->user_data = RingTag{RingOp::Accept, plan_.listen_fd}.pack();
  }

  char* buffer_of(int fd) {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= buffers_.size()) buffers_.resize(index + 1);
    if (!buffers_[index]) buffers_[index] = std::make_unique<char[]>(plan_.buffer_bytes);
    return buffers_[index].get();
  }

  const EchoPlan& plan_;
  // Indexed by descriptor. Destroyed after the ring, which may still be writing into them.
  std::vector<std::unique_ptr<char[]>> buffers_;
  Ring ring_;
  EchoMeter meter_;
  std::vector<int> receive_later_;  // SendsFirst only
  bool stopped_ = false;
};

}  // namespace

EchoResult echo_uring(const EchoPlan& plan) { return UringEcho<Style::Plain>(plan).run(); }

EchoResult echo_uring_poll_first(const EchoPlan& plan) {
  return UringEcho<Style::PollFirst>(plan).run();
}

EchoResult echo_uring_sends_first(const EchoPlan& plan) {
  return UringEcho<Style::SendsFirst>(plan).run();
}

}  // namespace coir_bench
