// SPDX-License-Identifier: BSL-1.0
#include <coir/coir.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "cases.hpp"
#include "measures.hpp"
#include "support/clock.hpp"

// call_later callbacks: armed, cancelled, and fired within a second, against the bare 4-ary heap.
// The targets are absolute times of another machine, so that none is given here.
namespace coir_bench {

namespace {

constexpr std::size_t kTimers = 1'000'000;

std::vector<std::chrono::microseconds> random_delays(std::size_t count, std::int64_t from_us,
                                                     std::int64_t to_us) {
  std::mt19937_64 random(42);
  std::uniform_int_distribution<std::int64_t> pick(from_us, to_us);
  std::vector<std::chrono::microseconds> delays;
  for (std::size_t i = 0; i < count; ++i) delays.emplace_back(pick(random));
  return delays;
}

double measure_arm_or_cancel(bool cancel, std::size_t count) {
  return coir::run([cancel, count] {
    const auto ns_each = [count](std::int64_t begin_ns) {
      return static_cast<double>(now_ns() - begin_ns) / static_cast<double>(count);
    };
    coir::EventLoop& loop = coir::get_running_loop();
    const auto delays = random_delays(count, 3'600'000'000, 7'200'000'000);
    std::vector<coir::TimerHandle> handles;
    handles.reserve(count);
    // Once before: as in the bare heap's case, memory that is touched for the first time is not
    // what is measured.
    for (const auto delay : delays) handles.push_back(loop.call_later(delay, [] {}));
    for (auto& handle : handles) handle.cancel();
    handles.clear();
    const std::int64_t begin_ns = now_ns();
    for (const auto delay : delays) handles.push_back(loop.call_later(delay, [] {}));
    if (!cancel) return ns_each(begin_ns);
    std::shuffle(handles.begin(), handles.end(), std::mt19937_64(7));
    const std::int64_t cancel_ns = now_ns();
    for (auto& handle : handles) handle.cancel();
    return ns_each(cancel_ns);
  });
}

// CPU time of firing them all in random order over a fifth of a second.
double measure_fire(std::size_t count) {
  return coir::run([count] {
    coir::EventLoop& loop = coir::get_running_loop();
    std::size_t left = count;
    auto done = coir::create_future<void>();
    for (const auto delay : random_delays(count, 50'000, 250'000)) {
      loop.call_later(delay, [&left, done] {
        if (--left == 0) done.set_result();
      });
    }
    const std::int64_t begin_ns = thread_cpu_ns();
    coir::await(done);
    return static_cast<double>(thread_cpu_ns() - begin_ns) / static_cast<double>(count);
  });
}

}  // namespace

double coir_timers(TimerPart part, std::size_t count) {
  if (part == TimerPart::Fire) return measure_fire(count);
  return measure_arm_or_cancel(part == TimerPart::Cancel, count);
}

void add_coir_timer_cases(std::vector<Case>& cases) {
  cases.push_back({.name = "coir_call_later_arm", .group = "timer_arm",
                   .run = [] { return coir_timers(TimerPart::Arm, kTimers); }});
  cases.push_back({.name = "coir_call_later_cancel", .group = "timer_cancel",
                   .run = [] { return coir_timers(TimerPart::Cancel, kTimers); }});
  cases.push_back({.name = "coir_call_later_fire_cpu", .group = "timer_fire",
                   .run = [] { return coir_timers(TimerPart::Fire, kTimers); }});
}

}  // namespace coir_bench
