// SPDX-License-Identifier: BSL-1.0
#include <coir/coir.hpp>

#include <fcntl.h>
#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "raw/ring.hpp"
#include "support/clock.hpp"
#include "support/harness.hpp"
#include "support/system.hpp"

// Reads of 4 KiB at random places of a file that is in the page cache, 64 at a time: by 64 tasks, and by
// a loop over io_uring with a registered descriptor and registered memory, without them, and by pread.
namespace coir_bench {

namespace {

constexpr std::size_t kBlock = 4096;
constexpr std::uint64_t kBlocks = 4096;  // 16 MiB
constexpr unsigned kDepth = 64;
constexpr std::uint64_t kReads = 30'000;
constexpr std::uint64_t kWarmUp = 2'000;

class CachedFile {
 public:
  CachedFile() {
    const char* const folder = std::getenv("TMPDIR");
    std::string path = std::string(folder && *folder ? folder : "/tmp") + "/coir-bench-XXXXXX";
    fd_ = UniqueFd(check(::mkostemp(path.data(), O_CLOEXEC), "making a file"));
    ::unlink(path.c_str());
    const std::string block(kBlock, 'q');
    for (std::uint64_t i = 0; i < kBlocks; ++i) {
      if (::write(fd_.get(), block.data(), kBlock) != static_cast<ssize_t>(kBlock)) throw_errno("writing a file");
    }
  }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

class Places {
 public:
  std::uint64_t next() { return random_() % kBlocks * kBlock; }

 private:
  std::minstd_rand random_{1};
};

void expect_whole(std::int64_t got) {
  if (got != static_cast<std::int64_t>(kBlock)) throw std::runtime_error("a read came short");
}

// Counts reads, and takes the time of those behind the first.
class Meter {
 public:
  /// One has been begun; false when there are enough.
  bool begin() {
    if (begun_ == kWarmUp) begin_ns_ = now_ns();
    if (begun_ == kWarmUp + kReads) return false;
    ++begun_;
    return true;
  }
  double ns_per_read() const { return static_cast<double>(now_ns() - begin_ns_) / static_cast<double>(kReads); }

 private:
  std::uint64_t begun_ = 0;
  std::int64_t begin_ns_ = 0;
};

double read_by_calls(int fd) {
  Places places;
  Meter meter;
  std::vector<char> buffer(kBlock);
  while (meter.begin()) {
    expect_whole(::pread(fd, buffer.data(), kBlock, static_cast<off_t>(places.next())));
  }
  return meter.ns_per_read();
}

double read_by_ring(int fd, bool registered) {
  std::vector<char> memory(kDepth * kBlock);
  Ring ring(kDepth);
  if (registered) {
    check_negative(io_uring_register_files(ring.get(), &fd, 1), "registering a descriptor");
    const iovec all{memory.data(), memory.size()};
    check_negative(io_uring_register_buffers(ring.get(), &all, 1), "registering memory");
  }
  Places places;
  Meter meter;
  unsigned under_way = 0;
  const auto begin = [&](std::uint64_t slot) {
    if (!meter.begin()) return;
    io_uring_sqe* const sqe = ring.entry();
    char* const buffer = memory.data() + slot * kBlock;
    if (registered) {
      io_uring_prep_read_fixed(sqe, 0, buffer, kBlock, places.next(), 0);
      sqe->flags |= IOSQE_FIXED_FILE;
    } else {
      io_uring_prep_read(sqe, fd, buffer, kBlock, places.next());
    }
    sqe->user_data = slot;
    ++under_way;
  };
  for (std::uint64_t slot = 0; slot < kDepth; ++slot) begin(slot);
  while (under_way > 0) {
    ring.submit_and_wait(1);
    ring.reap([&](const io_uring_cqe& cqe) {
      expect_whole(check_negative(cqe.res, "read"));
      --under_way;
      begin(cqe.user_data);
    });
  }
  return meter.ns_per_read();
}

double read_by_tasks(int fd, const std::string& reactor) {
  coir::RunOptions options;
  options.reactor = reactor;
  return coir::run(
      [fd] {
        coir::File file(coir::Fd(check(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "duplicating a descriptor")));
        Places places;
        Meter meter;
        coir::with_task_group([&](coir::TaskGroup& group) {
          for (unsigned i = 0; i < kDepth; ++i) {
            group.create_task([&] {
              std::vector<char> buffer(kBlock);
              while (meter.begin()) expect_whole(static_cast<std::int64_t>(file.read_at(buffer, places.next())));
            });
          }
        });
        return meter.ns_per_read();
      },
      options);
}

}  // namespace

}  // namespace coir_bench

int main(int argc, char** argv) {
  using namespace coir_bench;
  const CachedFile file;
  const int fd = file.fd();
  std::vector<Case> cases{
      {.name = "ring_registered", .group = "cached_reads", .baseline = true, .run = [=] { return read_by_ring(fd, true); }},
      {.name = "ring_plain", .group = "cached_reads", .run = [=] { return read_by_ring(fd, false); }},
      {.name = "pread", .group = "cached_reads", .run = [=] { return read_by_calls(fd); }},
  };
  for (const char* reactor : {"io_uring", "epoll"}) {
    cases.push_back({.name = std::string("coir_") + reactor, .group = "cached_reads",
                     .run = [=] { return read_by_tasks(fd, reactor); }});
  }
  return bench_main(argc, argv,
                    {.name = "bench-files",
                     .summary = "4 KiB reads from the page cache, 64 at a time",
                     .reactor_flags = "rings: SINGLE_ISSUER|DEFER_TASKRUN, registered ring descriptor"},
                    cases);
}
