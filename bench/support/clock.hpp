// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <time.h>

#include <cstdint>

namespace coir_bench {

// Nanoseconds on the monotonic clock: a vdso call of some 25 ns, so take it per slice, not per
// operation.
inline std::int64_t now_ns() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// CPU time of this thread in nanoseconds.
inline std::int64_t thread_cpu_ns() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Keeps the optimiser from removing the computation of `value`.
template <class Value>
inline void keep(const Value& value) noexcept {
  asm volatile("" : : "g"(&value) : "memory");
}

}  // namespace coir_bench
