// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <liburing.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "../support/system.hpp"

namespace coir_bench {

// An io_uring for one thread, set up as table C1 found it fastest: SINGLE_ISSUER and
// DEFER_TASKRUN, with the ring's own descriptor registered.
class Ring {
 public:
  // `operations_max`: how many may be in flight at once; their completions always have room.
  explicit Ring(std::size_t operations_max) {
    const auto wanted = static_cast<unsigned>(std::bit_ceil(operations_max));
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                   IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    params.cq_entries = 2 * wanted;
    check_negative(io_uring_queue_init_params(wanted, &ring_, &params), "io_uring_setup");
    check_negative(io_uring_register_ring_fd(&ring_), "registering the ring descriptor");
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() { io_uring_queue_exit(&ring_); }

  io_uring* get() { return &ring_; }

  // A submission entry; submits those before it if the queue is full.
  io_uring_sqe* entry() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
      check_negative(io_uring_submit(&ring_), "io_uring_submit");
      sqe = io_uring_get_sqe(&ring_);
    }
    return sqe;
  }

  void submit_and_wait(unsigned count) {
    const int submitted = io_uring_submit_and_wait(&ring_, count);
    if (submitted != -EINTR) check_negative(submitted, "io_uring_submit_and_wait");
  }

  // The same with a limit of time, after which fewer completions may be there.
  void submit_and_wait_for(unsigned count, std::int64_t timeout_ns) {
    __kernel_timespec timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
    io_uring_cqe* first = nullptr;
    const int submitted =
        io_uring_submit_and_wait_timeout(&ring_, &first, count, &timeout, nullptr);
    if (submitted == -EINTR || submitted == -ETIME) return;
    check_negative(submitted, "io_uring_submit_and_wait_timeout");
  }

  // Calls visit(const io_uring_cqe&) for each completion at hand and frees them as a batch.
  template <class Visit>
  void reap(Visit visit) {
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      ++count;
      visit(*cqe);
    }
    io_uring_cq_advance(&ring_, count);
  }

 private:
  io_uring ring_{};
};

// What an operation was, packed into its user data.
enum class RingOp : std::uint8_t { Receive, Send, Accept, Stop };

struct RingTag {
  RingOp op;
  int fd;
  unsigned buffer = 0;  // below 2^24

  std::uint64_t pack() const {
    return std::uint64_t{static_cast<std::uint32_t>(fd)} << 32 | std::uint64_t{buffer} << 8 |
           static_cast<std::uint64_t>(op);
  }
  static RingTag unpack(std::uint64_t packed) {
    return {static_cast<RingOp>(packed & 0xff), static_cast<int>(packed >> 32),
            static_cast<unsigned>(packed >> 8 & 0xffffff)};
  }
};

}  // namespace coir_bench
