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

// What the partner's loop counts by: in lines of its own, for the poster writes its stack all the time.
struct alignas(128) Counted {
  std::size_t ran = 0;
  std::atomic<std::size_t> all{0};
};

// In bursts, the first of which is not counted: memory that is touched for the first time is not what is
// measured, as in the bare mailbox's case, whose messages are there before.
class PostBench {
 public:
  double run_post() { return run().ns_per_post; }
  double run_wakes() { return run().wakes_per_1000; }

 private:
  struct Result {
    double ns_per_post;
    double wakes_per_1000;
  };
  static constexpr std::size_t kBursts = 30;
  static constexpr std::size_t kPosts = 10'000;

  Result run() {
    Partner partner;
    Counted counted;
    std::int64_t spent_ns = 0;
    for (std::size_t burst = 0; burst <= kBursts; ++burst) {
      const std::int64_t begin_ns = now_ns();
      for (std::size_t i = 0; i < kPosts; ++i) {
        partner.loop().call_soon_threadsafe([&counted] {
          if (++counted.ran % kPosts == 0) counted.all.store(counted.ran);
        });
      }
      if (burst > 0) spent_ns += now_ns() - begin_ns;
      while (counted.all.load() != (burst + 1) * kPosts) std::this_thread::yield();
    }
    const auto wakes = static_cast<double>(partner.loop().metrics().wakes);
    return {static_cast<double>(spent_ns) / static_cast<double>(kBursts * kPosts),
            1000 * wakes / static_cast<double>((kBursts + 1) * kPosts)};
  }
};

}  // namespace

void add_coir_wake_cases(std::vector<Case>& cases) {
  cases.push_back({.name = "coir_post_rt", .group = "wake_rt", .run = [] { return measure_round_trip(std::chrono::nanoseconds(0)); },
                   .must = 1.05});
  // Both loops keep looking, each on a processor of its own.
  cases.push_back({.name = "coir_busy_post_rt", .group = "wake_rt",
                   .run = [] { return measure_round_trip(std::chrono::milliseconds(1)); }});
  cases.push_back({.name = "coir_call_soon_threadsafe", .group = "post", .run = [] { return PostBench().run_post(); }});
  cases.push_back({.name = "coir_call_soon_threadsafe_wakes", .group = "post_wakes",
                   .run = [] { return PostBench().run_wakes(); }, .unit = "wakes/1000"});
}

}  // namespace coir_bench
