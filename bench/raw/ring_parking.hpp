// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "parking.hpp"
#include "ring.hpp"

namespace coir_bench {

// Where a loop sleeps: an io_uring with nothing but a read of an eventfd. For the thread that makes it.
class RingParking {
 public:
  // Any thread.
  void wake() const { write_eventfd(event_); }

  // Until it is, or was, woken.
  void wait() {
    if (!reading_) {
      io_uring_sqe* const sqe = ring_.entry();
      io_uring_prep_read(sqe, event_.get(), &value_, sizeof value_, 0);
      reading_ = true;
    }
    while (reading_) {
      ring_.submit_and_wait(1);
      ring_.reap([this](const io_uring_cqe& cqe) {
        check_negative(cqe.res, "reading the eventfd");
        reading_ = false;
      });
    }
  }

 private:
  // Before the ring, which may still be writing into them when it is destroyed. Blocking: a read of what
  // does not block fails when there is nothing.
  const UniqueFd event_{check(::eventfd(0, EFD_CLOEXEC), "eventfd")};
  std::uint64_t value_ = 0;
  bool reading_ = false;
  Ring ring_{1};
};

}  // namespace coir_bench
