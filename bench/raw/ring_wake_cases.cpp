// SPDX-License-Identifier: BSL-1.0
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "../cases.hpp"
#include "../support/clock.hpp"
#include "../support/machine.hpp"
#include "../support/statistics.hpp"
#include "ring.hpp"
#include "ring_parking.hpp"

// Two threads that sleep in a ring each and wake one another: by an eventfd that the ring reads, or by a
// message from ring to ring.
namespace coir_bench {

namespace {

constexpr std::size_t kRoundTrips = 1000;
constexpr std::size_t kWarmUp = 50;

template <class Parking, class Wake>
double run_round_trips(Wake wake) {
  std::atomic<Parking*> here{nullptr};
  std::atomic<Parking*> there{nullptr};
  std::atomic<bool> over{false};
  // A ring belongs to the thread that makes it.
  const auto meet = [](Parking& mine, std::atomic<Parking*>& place, std::atomic<Parking*>& other) -> Parking& {
    place = &mine;
    while (!other.load()) std::this_thread::yield();
    return *other;
  };
  std::thread partner([&] {
    pin_to_allowed_cpu(1);
    Parking mine;
    Parking& theirs = meet(mine, there, here);
    for (std::size_t trip = 0; trip < kWarmUp + kRoundTrips; ++trip) {
      mine.wait();
      wake(mine, theirs);
    }
    while (!over.load()) std::this_thread::yield();
  });
  std::vector<double> times;
  {
    Parking mine;
    Parking& theirs = meet(mine, here, there);
    for (std::size_t trip = 0; trip < kWarmUp + kRoundTrips; ++trip) {
      const std::int64_t begin_ns = now_ns();
      wake(mine, theirs);
      mine.wait();
      if (trip >= kWarmUp) times.push_back(static_cast<double>(now_ns() - begin_ns));
    }
    over = true;
    partner.join();
  }
  return median(std::move(times));
}

// A loop that sleeps in its ring until another ring sends it a message.
class MessageParking {
 public:
  MessageParking() : fd_(ring_.get()->ring_fd) {}

  void wake(const MessageParking& other) {
    io_uring_sqe* const sqe = ring_.entry();
    io_uring_prep_msg_ring(sqe, other.fd_, 0, kMessage, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    check_negative(io_uring_submit(ring_.get()), "io_uring_submit");
  }

  void wait() {
    bool woken = false;
    while (!woken) {
      ring_.submit_and_wait(1);
      ring_.reap([&](const io_uring_cqe& cqe) {
        check_negative(cqe.res, "a message between rings");
        if (cqe.user_data == kMessage) woken = true;
      });
    }
  }

 private:
  static constexpr std::uint64_t kMessage = 1;
  Ring ring_{8};
  const int fd_;
};

}  // namespace

void add_raw_ring_wake_cases(std::vector<Case>& cases) {
  cases.push_back({.name = "eventfd_ring_rt", .group = "ring_wake_rt", .baseline = true, .run = [] {
                     return run_round_trips<RingParking>(
                         [](RingParking&, RingParking& other) { other.wake(); });
                   }});
  cases.push_back({.name = "msg_ring_rt", .group = "ring_wake_rt", .run = [] {
                     return run_round_trips<MessageParking>(
                         [](MessageParking& mine, MessageParking& other) { mine.wake(other); });
                   }});
}

}  // namespace coir_bench
