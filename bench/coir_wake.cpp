// SPDX-License-Identifier: BSL-1.0
#include <coir/coir.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "cases.hpp"
#include "partner_loop.hpp"
#include "support/clock.hpp"
#include "support/machine.hpp"
#include "support/statistics.hpp"
#include "support/system.hpp"

// Posts between threads: the round trip of two sleeping loops, and posting to a busy one.
namespace coir_bench {

namespace {

double measure_round_trip(std::chrono::nanoseconds busy_poll) {
  coir::RunOptions options;
  options.busy_poll = busy_poll;
  return coir::run([&options] {
    constexpr std::size_t kRoundTrips = 1000;
    coir::EventLoop& here = coir::get_running_loop();
    Partner partner(options);
    std::vector<double> times;
    for (std::size_t trip = 0; trip < kRoundTrips; ++trip) {
      auto answered = coir::create_future<void>();
      const std::int64_t begin_ns = now_ns();
      partner.loop().call_soon_threadsafe([&here, answered] {
        here.call_soon_threadsafe([answered] { answered.set_result(); });
      });
      coir::await(answered);
      if (trip >= 50) times.push_back(static_cast<double>(now_ns() - begin_ns));
    }
    return median(std::move(times));
  }, options);
}

double measure_post() {
  constexpr std::size_t kPosts = 300'000;
  Partner partner;
  std::atomic<std::size_t> ran{0};
  const std::int64_t begin_ns = now_ns();
  for (std::size_t i = 0; i < kPosts; ++i) {
    partner.loop().call_soon_threadsafe([&ran] { ran.fetch_add(1, std::memory_order_relaxed); });
  }
  const double result =
      static_cast<double>(now_ns() - begin_ns) / static_cast<double>(kPosts);
  while (ran.load() < kPosts) std::this_thread::yield();
  return result;
}

}  // namespace

void add_coir_wake_cases(std::vector<Case>& cases) {
  cases.push_back({.name = "coir_post_rt", .group = "wake_rt", .run = [] { return measure_round_trip(std::chrono::nanoseconds(0)); },
                   .must = 1.05});
  // Both loops keep looking, each on a processor of its own.
  cases.push_back({.name = "coir_busy_post_rt", .group = "wake_rt",
                   .run = [] { return measure_round_trip(std::chrono::milliseconds(1)); }});
  cases.push_back({.name = "coir_call_soon_threadsafe", .group = "post", .run = measure_post});
}

}  // namespace coir_bench
