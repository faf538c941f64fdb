// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "../support/histogram.hpp"

namespace coir_bench {

struct FileRingPlan {
  int fd = -1;
  unsigned depth = 16;             // operations under way at once
  std::size_t block = 4096;        // bytes of an operation, at a multiple of it
  std::uint64_t blocks = 0;        // reads are of a random one of these; 0 = append, and sync data
  std::int64_t end_ns = 0;         // of the monotonic clock
};

// File operations in a hand-written io_uring loop; the time of each is recorded. Throws
// std::system_error.
void run_file_ring(const FileRingPlan& plan, Histogram& latency);

}  // namespace coir_bench
