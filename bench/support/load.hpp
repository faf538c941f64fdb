// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "histogram.hpp"

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

  std::optional<std::uint64_t> lost_;
  std::optional<std::uint64_t> late_;

 private:
  std::shared_ptr<Histogram> latency_ = std::make_shared<Histogram>();
};

}  // namespace coir_bench
