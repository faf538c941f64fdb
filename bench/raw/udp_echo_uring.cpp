// SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>

#include <stdexcept>
#include <vector>

#include "buffer_ring.hpp"
#include "ring.hpp"
#include "udp_echo.hpp"

namespace coir_bench {

namespace {

// In hand at once; more wait in the socket. The buffers are used in turn, so all of them are to stay in
// the processor's cache.
std::size_t datagrams_max(std::size_t buffer_bytes) {
  return std::clamp<std::size_t>((std::size_t{1} << 20) / buffer_bytes, 16, 256);
}

// A buffer holds what a multishot receive puts there, the kernel's header, the sender's address and
// the datagram, until that has been sent:
//
//   Provided --datagram--> Sending --sent--> Provided
class UringDatagramEcho {
 public:
  UringDatagramEcho(int fd, std::size_t buffer_bytes)
      : fd_(fd),
        sends_(std::bit_ceil(datagrams_max(buffer_bytes))),
        ring_(2 * sends_.size()),
        buffers_(ring_.get(), sends_.size(), aligned(kHeadBytes + buffer_bytes)) {
    layout_.msg_namelen = sizeof(sockaddr_storage);
    receive();
  }

  [[noreturn]] void run() {
    for (;;) {
      ring_.submit_and_wait(1);
      ring_.reap([this](const io_uring_cqe& cqe) { complete(cqe); });
      buffers_.publish();
    }
  }

 private:
  static constexpr std::size_t kHeadBytes =
      sizeof(io_uring_recvmsg_out) + sizeof(sockaddr_storage);

  static std::size_t aligned(std::size_t bytes) {
    constexpr std::size_t kAlignment = 64;
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

  struct Send {
    msghdr header{};
    iovec data{};
  };

  void complete(const io_uring_cqe& cqe) {
    const RingTag tag = RingTag::unpack(cqe.user_data);
    if (tag.op == RingOp::Send) {
      // To a client that is gone it fails, as it should.
      buffers_.give_back(tag.buffer);
      return;
    }
    if (cqe.res >= 0) {
      send(cqe.flags >> IORING_CQE_BUFFER_SHIFT, cqe.res);
    } else if (cqe.res != -ENOBUFS && cqe.res != -ECONNREFUSED) {
      throw_errno("recvmsg", -cqe.res);
    }
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) receive();
  }

  void receive() {
    io_uring_sqe* const sqe = ring_.entry();
    io_uring_prep_recvmsg_multishot(sqe, fd_, &layout_, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BufferRing::kGroup;
    sqe->user_data = RingTag{RingOp::Receive, fd_}.pack();
  }

  void send(unsigned buffer, int received) {
    io_uring_recvmsg_out* const out =
        io_uring_recvmsg_validate(buffers_.data(buffer), received, &layout_);
    if (out == nullptr) throw std::runtime_error("a datagram came without its header");
    Send& one = sends_[buffer];
    one.data = {io_uring_recvmsg_payload(out, &layout_),
                io_uring_recvmsg_payload_length(out, received, &layout_)};
    one.header.msg_name = io_uring_recvmsg_name(out);
    one.header.msg_namelen = out->namelen;
    one.header.msg_iov = &one.data;
    one.header.msg_iovlen = 1;
    io_uring_sqe* const sqe = ring_.entry();
    io_uring_prep_sendmsg(sqe, fd_, &one.header, MSG_NOSIGNAL);
    sqe->user_data = RingTag{RingOp::Send, fd_, buffer}.pack();
  }

  const int fd_;
  msghdr layout_{};  // of the buffers
  std::vector<Send> sends_;  // by buffer
  Ring ring_;
  BufferRing buffers_;
};

}  // namespace

void echo_datagrams_uring(int fd, std::size_t buffer_bytes) {
  UringDatagramEcho(fd, buffer_bytes).run();
}

}  // namespace coir_bench
