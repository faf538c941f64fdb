// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace coir_bench {

// Counts of non-negative integers in log-linear buckets: exact below 512, then 256 buckets for
// each power of two. A quantile is the middle of its bucket, off by at most 0.2 %. Fixed size
// (115 KB), and recording costs a few nanoseconds and never allocates.
class Histogram {
 public:
  void record(std::uint64_t value) noexcept {
    ++counts_[index_of(value)];
    ++total_;
    if (value > max_) max_ = value;
  }

  // Adds what another has recorded.
  void merge(const Histogram& other) noexcept {
    for (std::size_t index = 0; index < counts_.size(); ++index) {
      counts_[index] += other.counts_[index];
    }
    total_ += other.total_;
    if (other.max_ > max_) max_ = other.max_;
  }

  // Calls with the middle of each bucket that is not empty, and its count, by rising value.
  template <class Call>
  void for_each_bucket(const Call& call) const {
    for (std::size_t index = 0; index < counts_.size(); ++index) {
      if (counts_[index] != 0) call(middle_of(index), counts_[index]);
    }
  }

  std::uint64_t total() const noexcept { return total_; }
  std::uint64_t max() const noexcept { return max_; }

  // The smallest recorded value which at least `fraction` of all values do not exceed; 0 if empty.
  double quantile(double fraction) const noexcept {
    const double wanted = fraction * static_cast<double>(total_);
    std::uint64_t seen = 0;
    for (std::size_t index = 0; index < counts_.size(); ++index) {
      seen += counts_[index];
      if (counts_[index] != 0 && static_cast<double>(seen) >= wanted) return middle_of(index);
    }
    return 0;
  }

 private:
  static constexpr unsigned kBucketBits = 8;
  static constexpr std::size_t kBuckets = std::size_t{1} << kBucketBits;

  static std::size_t index_of(std::uint64_t value) noexcept {
    if (value < 2 * kBuckets) return static_cast<std::size_t>(value);
    // Keep the leading one and the 8 bits after it; `shift` counts the bits thrown away.
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kBucketBits - 1;
    return shift * kBuckets + static_cast<std::size_t>(value >> shift);
  }

  static double middle_of(std::size_t index) noexcept {
    if (index < 2 * kBuckets) return static_cast<double>(index);
    const std::size_t shift = index / kBuckets - 1;
    const std::uint64_t low = std::uint64_t{index - shift * kBuckets} << shift;
    return static_cast<double>(low) + static_cast<double>((std::uint64_t{1} << shift) - 1) / 2;
  }

  std::array<std::uint64_t, (64 - kBucketBits + 1) * kBuckets> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace coir_bench
