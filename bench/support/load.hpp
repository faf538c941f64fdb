// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "clock.hpp"
#include "histogram.hpp"
#include "system.hpp"

namespace coir_bench {

// What keeps a server busy, and counts and times its answers.
//
// Between two calls of run_for() nothing is sent, but what is under way stays so.
class Load {
 public:
  Load() = default;
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  virtual ~Load() = default;

  // Throws std::runtime_error if the server falls silent, closes a connection or answers wrongly.
  virtual void run_for(std::int64_t duration_ns) = 0;

  std::uint64_t answers() const { return latency_->total(); }
  const std::shared_ptr<Histogram>& latency() const { return latency_; }
  // Requests that were never answered; nothing where that cannot be.
  std::optional<std::uint64_t> lost() const { return lost_; }
  // Requests that were sent later than intended; nothing where there is no schedule.
  std::optional<std::uint64_t> late() const { return late_; }

  void clear() {
    latency_ = std::make_shared<Histogram>();
    if (lost_) lost_ = 0;
    if (late_) late_ = 0;
  }

 protected:
  static constexpr std::int64_t kSilenceMaxNs = 5'000'000'000;

  void count_answer_after(std::int64_t elapsed_ns) {
    latency_->record(static_cast<std::uint64_t>(elapsed_ns));
  }
  // Of messages that are all alike.
  static constexpr char kFiller = 'q';
  static void check_filler(std::string_view answer);
  [[noreturn]] static void fail_closed();
  [[noreturn]] static void fail_silent();
  [[noreturn]] static void fail_wrong();

  // Waits on an epoll instance and hands over its events, until that time; then, after each batch,
  // calls `after_batch`. Throws when no answer comes for long.
  template <class Handle, class AfterBatch>
  void run_epoll(int epoll_fd, std::int64_t end_ns, const Handle& handle,
                 const AfterBatch& after_batch) {
    std::array<epoll_event, 256> events;
    std::int64_t now = now_ns();
    for (std::int64_t heard_ns = now; now < end_ns;) {
      const auto wait_ms = static_cast<int>(std::min<std::int64_t>((end_ns - now) / 1'000'000, 100));
      const int count = ::epoll_wait(epoll_fd, events.data(), events.size(), wait_ms);
      if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
      now = now_ns();
      const std::uint64_t answers_before = answers();
      for (int nth = 0; nth < count; ++nth) handle(events[static_cast<std::size_t>(nth)], now);
      after_batch(now);
      if (answers() != answers_before) heard_ns = now;
      if (now - heard_ns > kSilenceMaxNs) fail_silent();
    }
  }

  std::optional<std::uint64_t> lost_;
  std::optional<std::uint64_t> late_;

 private:
  std::shared_ptr<Histogram> latency_ = std::make_shared<Histogram>();
};

}  // namespace coir_bench
