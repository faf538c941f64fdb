// SPDX-License-Identifier: BSL-1.0
#include <string>
#include <vector>

#include "measures.hpp"
#include "raw/self_echo.hpp"
#include "support/harness.hpp"

// How costs grow with the work: each group is one curve, its first point the baseline, so that a ratio is
// what an operation costs more than among few. The raw loops' curves beside them tell what the machine and the
// kernel make of the same growth.
namespace coir_bench {

namespace {

template <class Measure>
void add_curve(std::vector<Case>& cases, const std::string& curve,
               const std::vector<std::size_t>& sizes, Measure measure) {
  for (const std::size_t size : sizes) {
    cases.push_back({.name = curve + "_" + std::to_string(size),
                     .group = curve,
                     .baseline = size == sizes.front(),
                     .run = [=] { return measure(size); }});
  }
}

struct Loop {
  const char* name;
  EchoLoop loop;
};

std::vector<Loop> echo_loops() {
  return {{"raw_epoll", echo_epoll},
          {"coir_epoll", coir_echo_loop("epoll")},
          {"raw_io_uring", echo_uring},
          {"coir_io_uring", coir_echo_loop("io_uring")},
          {"raw_poll", echo_poll},
          {"coir_poll", coir_echo_loop("poll")}};
}

void add_echo_curves(std::vector<Case>& cases) {
  for (const Loop& each : echo_loops()) {
    const EchoLoop loop = each.loop;
    // Four descriptors each: both ends, and coir's duplicates. Two processes have 10,000 (two-process).
    add_curve(cases, std::string("connections_") + each.name, {1, 8, 64, 512, 4096},
              [loop](std::size_t pairs) {
                return run_self_echo(loop, {Family::Unix, pairs, 64});
              });
    // More than the sockets' buffers hold would come in parts, of no size to compare.
    add_curve(cases, std::string("bytes_") + each.name, {1, 64, 1024, 16'384, 65'536},
              [loop](std::size_t bytes) {
                return run_self_echo(loop, {Family::Unix, 8, bytes});
              });
  }
}

void add_task_curves(std::vector<Case>& cases) {
  const std::vector<std::size_t> sizes{1, 10, 100, 1000, 10'000, 100'000, 1'000'000};
  add_curve(cases, "tasks_bare", sizes, bare_yield);
  add_curve(cases, "tasks_coir", sizes, coir_yield);
}

void add_timer_curves(std::vector<Case>& cases) {
  const std::vector<std::size_t> sizes{10, 100, 1000, 10'000, 100'000, 1'000'000};
  constexpr struct {
    TimerPart part;
    const char* name;
  } parts[] = {{TimerPart::Arm, "arm"}, {TimerPart::Cancel, "cancel"}, {TimerPart::Fire, "fire"}};
  for (const auto& each : parts) {
    const TimerPart part = each.part;
    add_curve(cases, std::string("timers_bare_") + each.name, sizes,
              [part](std::size_t count) { return bare_timers(part, count); });
    add_curve(cases, std::string("timers_coir_") + each.name, sizes,
              [part](std::size_t count) { return coir_timers(part, count); });
  }
}

void add_transfer_curves(std::vector<Case>& cases) {
  const std::vector<std::size_t> sizes{1, 1024, 16'384, 65'536, 262'144, 1'048'576};
  add_curve(cases, "transfer_raw", sizes, raw_transfer);
  for (const char* reactor : {"epoll", "io_uring", "poll"}) {
    add_curve(cases, std::string("transfer_coir_") + reactor, sizes,
              [reactor](std::size_t bytes) { return coir_transfer(reactor, bytes); });
  }
}

}  // namespace

}  // namespace coir_bench

int main(int argc, char** argv) {
  std::vector<coir_bench::Case> cases;
  coir_bench::add_echo_curves(cases);
  coir_bench::add_transfer_curves(cases);
  coir_bench::add_task_curves(cases);
  coir_bench::add_timer_curves(cases);
  return coir_bench::bench_main(
      argc, argv,
      {.name = "bench-curves",
       .summary = "how costs grow with connections, bytes, tasks and timers",
       .reactor_flags = ""},
      cases);
}
