// SPDX-License-Identifier: BSL-1.0
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../cases.hpp"
#include "../support/clock.hpp"
#include "../support/system.hpp"

// The limit for stacks that were never used before: one mapping for all of them, the guards installed 64 to
// a system call, and the first touch of a page at the top of each.
namespace coir_bench {

namespace {

constexpr int kGuardInstall = 102;  // MADV_GUARD_INSTALL, Linux 6.13
constexpr std::size_t kGuardBytes = 64 * 1024;
constexpr std::size_t kStackBytes = 256 * 1024;  // coir's default, and its guard
constexpr std::size_t kStrideBytes = kStackBytes + 4096;

class Slab {
 public:
  explicit Slab(std::size_t stacks) : bytes_(stacks * kStrideBytes) {
    void* const memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw_errno("mmap of the stacks");
    ::madvise(memory, bytes_, MADV_NOHUGEPAGE);
    memory_ = static_cast<char*>(memory);
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() { ::munmap(memory_, bytes_); }

  char* bottom(std::size_t index) const { return memory_ + index * kStrideBytes; }

  void guard(std::size_t first, std::size_t count) const {
    std::array<iovec, 64> guards;
    for (std::size_t i = 0; i < count; ++i) guards[i] = {bottom(first + i), kGuardBytes};
    const int self = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
    if (self < 0) throw_errno("pidfd_open");
    const long done = ::syscall(SYS_process_madvise, self, guards.data(), count, kGuardInstall, 0u);
    ::close(self);
    if (done != static_cast<long>(count * kGuardBytes)) throw_errno("process_madvise");
  }

 private:
  const std::size_t bytes_;
  char* memory_ = nullptr;
};

double run_cold_create() {
  constexpr std::size_t kBatch = 64;
  const std::int64_t begin_ns = now_ns();
  const Slab slab(kColdStacks);
  for (std::size_t first = 0; first < kColdStacks; first += kBatch) {
    const std::size_t count = std::min(kBatch, kColdStacks - first);
    slab.guard(first, count);
    for (std::size_t i = first; i < first + count; ++i) slab.bottom(i)[kStackBytes - 64] = 1;
  }
  return static_cast<double>(now_ns() - begin_ns) / static_cast<double>(kColdStacks);
}

}  // namespace

void add_raw_stack_cases(std::vector<Case>& cases) {
  cases.push_back({.name = "slab_guard_touch", .group = "cold_create", .baseline = true, .run = run_cold_create});
}

}  // namespace coir_bench
