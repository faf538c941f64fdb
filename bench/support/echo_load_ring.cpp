// SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>

#include <algorithm>

#include "../raw/ring.hpp"
#include "clock.hpp"
#include "echo_load.hpp"

namespace coir_bench {

namespace {

class RingLoad : public EchoLoad {
 public:
  explicit RingLoad(const EchoLoadPlan& plan)
      : EchoLoad(plan),
        batch_(static_cast<unsigned>(std::clamp<std::size_t>(plan.connections / 4, 1, 256))),
        ring_(2 * plan.connections) {}

  void run_for(std::int64_t duration_ns) override {
    std::int64_t now = now_ns();
    if (!started_) {
      for (std::size_t index = 0; index < connections_.size(); ++index) start(index, now);
      started_ = true;
    }
    const std::int64_t end_ns = now + duration_ns;
    for (std::int64_t heard_ns = now; now < end_ns;) {
      ring_.submit_and_wait_for(batch_, std::min<std::int64_t>(end_ns - now, 100'000'000));
      now = now_ns();
      const std::uint64_t answers_before = answers();
      ring_.reap([&](const io_uring_cqe& cqe) { complete(cqe, now); });
      give_up_lost(now, [&](std::size_t index) { send(index, now); });
      if (answers() != answers_before) heard_ns = now;
      if (now - heard_ns > kSilenceMaxNs) fail_silent();
    }
  }

 private:
  static constexpr std::uint64_t kSendTag = ~std::uint64_t{0};

  void start(std::size_t index, std::int64_t now) {
    send(index, now);
    receive(index);
  }

  void send(std::size_t index, std::int64_t now) {
    Connection& connection = connections_[index];
    prepare_message(connection, now);

    io_uring_sqe* sqe = ring_.entry();
    io_uring_prep_send(sqe, connection.ends.out, connection.out.data(), plan_.size,
                       MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = kSendTag;
  }

  void receive(std::size_t index) {
    Connection& connection = connections_[index];
    io_uring_sqe* sqe = ring_.entry();
    io_uring_prep_recv(sqe, connection.ends.in, connection.in.data(), plan_.size,
                       MSG_WAITALL);
    // The answer cannot be there yet.
    sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    sqe->user_data = index;
  }

  void complete(const io_uring_cqe& cqe, std::int64_t now) {
    if (cqe.user_data == kSendTag) check_negative(cqe.res, "send");
    const auto index = static_cast<std::size_t>(cqe.user_data);
    check_negative(cqe.res, "recv");
    if (static_cast<std::size_t>(cqe.res) != plan_.size) fail_closed();
    if (count_answer(connections_.at(index), now)) {
      start(index, now);
    } else {
      receive(index);
    }
  }

  const unsigned batch_;
  bool started_ = false;
  Ring ring_;
};

}  // namespace

std::unique_ptr<EchoLoad> make_ring_load(const EchoLoadPlan& plan) {
  return std::make_unique<RingLoad>(plan);
}

}  // namespace coir_bench
