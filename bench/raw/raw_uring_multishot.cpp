// SPDX-License-Identifier: BSL-1.0
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "../support/system.hpp"
#include "buffer_ring.hpp"
#include "echo_loop.hpp"
#include "ring.hpp"

// Multishot receive into a provided buffer ring, one-shot send out of the same buffer. A socket's
// receive stays armed; only when it ends (F_MORE missing) does it need attention:
//
//   Armed --bytes--> Armed            each buffer: Provided --bytes--> Sending --sent--> Provided
//     |`--no buffers--> armed again
//     `--end, error--> closed
namespace coir_bench {

namespace {

constexpr std::size_t kServerBuffers = 4096;

std::size_t in_flight_max(const EchoPlan& plan) {
  return plan.listen_fd >= 0 ? kServerBuffers : plan.sockets.size();
}

class UringMultishotEcho {
 public:
  explicit UringMultishotEcho(const EchoPlan& plan)
      : plan_(plan),
        ring_(2 * in_flight_max(plan)),
        buffers_(ring_.get(), in_flight_max(plan), plan.buffer_bytes),
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
      buffers_.publish();
    }
    return meter_.result();
  }

 private:
  void complete(const io_uring_cqe& cqe) {
    const RingTag tag = RingTag::unpack(cqe.user_data);
    const bool armed = (cqe.flags & IORING_CQE_F_MORE) != 0;
    switch (tag.op) {
      case RingOp::Receive:
        if (cqe.res > 0) {
          meter_.count_message();
          send(tag.fd, cqe.flags >> IORING_CQE_BUFFER_SHIFT, static_cast<std::size_t>(cqe.res));
          if (!armed) receive(tag.fd);
        } else if (cqe.res == -ENOBUFS) {
          receive(tag.fd);
        } else {
          ::close(tag.fd);
        }
        break;
      case RingOp::Send:
        // A failed send ends the receive, too, and is dealt with there.
        buffers_.give_back(tag.buffer);
        break;
      case RingOp::Accept:
        if (cqe.res >= 0) receive(cqe.res);
        if (!armed) accept();
        break;
      case RingOp::Stop:
        stopped_ = true;
        break;
    }
  }

  void receive(int fd) {
    io_uring_sqe* const sqe = ring_.entry();
    io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BufferRing::kGroup;
    sqe->user_data = RingTag{RingOp::Receive, fd}.pack();
  }

  void send(int fd, unsigned buffer, std::size_t bytes) {
    io_uring_sqe* const sqe = ring_.entry();
    io_uring_prep_send(sqe, fd, buffers_.data(buffer), bytes, MSG_NOSIGNAL | MSG_WAITALL);
    sqe->user_data = RingTag{RingOp::Send, fd, buffer}.pack();
  }

  void accept() {
    io_uring_sqe* const sqe = ring_.entry();
    io_uring_prep_multishot_accept(sqe, plan_.listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
    sqe->user_data = RingTag{RingOp::Accept, plan_.listen_fd}.pack();
  }

  const EchoPlan& plan_;
  Ring ring_;
  BufferRing buffers_;
  EchoMeter meter_;
  bool stopped_ = false;
};

}  // namespace

EchoResult echo_uring_multishot(const EchoPlan& plan) { return UringMultishotEcho(plan).run(); }

}  // namespace coir_bench
