// SPDX-License-Identifier: BSL-1.0
#include "file_ring.hpp"

#include <cstdlib>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "../support/clock.hpp"
#include "ring.hpp"

namespace coir_bench {

namespace {

struct Free {
  void operator()(char* bytes) const { std::free(bytes); }
};

class FileRing {
 public:
  FileRing(const FileRingPlan& plan, Histogram& latency)
      : plan_(plan), latency_(latency), ring_(2 * plan.depth), slots_(plan.depth) {
    constexpr std::size_t kAlignment = 4096;  // for O_DIRECT
    for (Slot& slot : slots_) {
      const std::size_t bytes = (plan.block + kAlignment - 1) / kAlignment * kAlignment;
      slot.buffer.reset(static_cast<char*>(std::aligned_alloc(kAlignment, bytes)));
      if (!slot.buffer) throw std::bad_alloc();
      std::fill_n(slot.buffer.get(), bytes, 'q');
    }
  }

  void run() {
    for (std::size_t index = 0; index < slots_.size(); ++index) start(index, now_ns());
    while (under_way_ > 0) {
      ring_.submit_and_wait(1);
      const std::int64_t now = now_ns();
      ring_.reap([&](const io_uring_cqe& cqe) { complete(cqe, now); });
    }
  }

 private:
  static constexpr std::uint64_t kWriteTag = ~std::uint64_t{0};

  struct Slot {
    std::unique_ptr<char, Free> buffer;
    std::int64_t begin_ns = 0;
  };

  void start(std::size_t index, std::int64_t now) {
    Slot& slot = slots_[index];
    slot.begin_ns = now;
    ++under_way_;
    const auto size = static_cast<unsigned>(plan_.block);
    io_uring_sqe* sqe = ring_.entry();
    if (plan_.blocks > 0) {
      io_uring_prep_read(sqe, plan_.fd, slot.buffer.get(), size,
                         random_() % plan_.blocks * plan_.block);
    } else {
      io_uring_prep_write(sqe, plan_.fd, slot.buffer.get(), size, appended_++ * plan_.block);
      sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
      sqe->user_data = kWriteTag;
      sqe = ring_.entry();
      io_uring_prep_fsync(sqe, plan_.fd, IORING_FSYNC_DATASYNC);
    }
    sqe->user_data = index;
  }

  void complete(const io_uring_cqe& cqe, std::int64_t now) {
    check_negative(cqe.res, plan_.blocks > 0 ? "read" : "write or fsync");
    if (plan_.blocks > 0 && static_cast<std::size_t>(cqe.res) != plan_.block) {
      throw std::runtime_error("a read came short");
    }
    const auto index = static_cast<std::size_t>(cqe.user_data);
    latency_.record(static_cast<std::uint64_t>(now - slots_.at(index).begin_ns));
    --under_way_;
    if (now < plan_.end_ns) start(index, now);
  }

  const FileRingPlan plan_;
  Histogram& latency_;
  Ring ring_;
  std::vector<Slot> slots_;
  std::mt19937_64 random_{1};
  std::uint64_t appended_ = 0;
  unsigned under_way_ = 0;
};

}  // namespace

void run_file_ring(const FileRingPlan& plan, Histogram& latency) {
  FileRing(plan, latency).run();
}

}  // namespace coir_bench
