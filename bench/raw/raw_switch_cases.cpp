// SPDX-License-Identifier: BSL-1.0
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../cases.hpp"
#include "../measures.hpp"
#include "../support/clock.hpp"
#include "minsched.hpp"

namespace coir_bench {

namespace {

using minsched::Future;
using minsched::Scheduler;
using minsched::Task;

double ns_per_op(std::int64_t begin_ns, std::size_t ops) {
  return static_cast<double>(now_ns() - begin_ns) / static_cast<double>(ops);
}

// Jumps straight back, for ever.
void bounce(boost::context::detail::transfer_t arrived) {
  for (;;) arrived = boost::context::detail::jump_fcontext(arrived.fctx, nullptr);
}

double run_fcontext_roundtrip() {
  constexpr std::size_t kRoundTrips = 4'000'000;
  constexpr std::size_t kStackBytes = 64 * 1024;
  alignas(64) static std::byte stack[kStackBytes];
  auto partner = boost::context::detail::make_fcontext(stack + kStackBytes, kStackBytes, bounce);
  const std::int64_t begin_ns = now_ns();
  for (std::size_t trip = 0; trip < kRoundTrips; ++trip) {
    partner = boost::context::detail::jump_fcontext(partner, nullptr).fctx;
  }
  return ns_per_op(begin_ns, kRoundTrips);
}

// Asks the kernel for events as often as coir does: at every 256th step.
class Poll {
 public:
  Poll() {
    check(epoll_.get(), "epoll_create1");
    check(idle_.get(), "eventfd");
    epoll_event event{.events = EPOLLIN, .data = {}};
    check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, idle_.get(), &event), "epoll_ctl");
  }
  void step() {
    if (++steps_ % 256 != 0) return;
    epoll_event events[64];
    ::epoll_wait(epoll_.get(), events, 64, 0);
  }

 private:
  UniqueFd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  UniqueFd idle_{::eventfd(0, EFD_CLOEXEC)};
  std::size_t steps_ = 0;
};

// `task_count` tasks yield round robin; the one which holds the clock is one of them.
template <class Scheduler, class Step>
double run_yield(Scheduler& scheduler, std::size_t task_count, std::size_t yields, Step step) {
  bool stop = false;
  auto body = [&] {
    while (!stop) {
      step();
      scheduler.yield();
    }
  };
  std::vector<Task*> tasks;
  for (std::size_t index = 1; index < task_count; ++index) tasks.push_back(scheduler.spawn(body));
  scheduler.yield();  // everybody has started

  const std::size_t turns = std::max<std::size_t>(1, yields / task_count);
  const std::int64_t begin_ns = now_ns();
  for (std::size_t turn = 0; turn < turns; ++turn) scheduler.yield();
  const double result = ns_per_op(begin_ns, turns * task_count);

  stop = true;
  for (Task* task : tasks) scheduler.join(task);
  return result;
}

template <class Scheduler>
double run_spawn_join(Scheduler& scheduler, std::size_t at_once) {
  constexpr std::size_t kSpawns = 1'600'000;
  std::size_t ran = 0;
  auto body = [&] { ++ran; };
  std::vector<Task*> tasks(at_once);
  const std::int64_t begin_ns = now_ns();
  for (std::size_t turn = 0; turn < kSpawns / at_once; ++turn) {
    for (Task*& task : tasks) task = scheduler.spawn(body);
    for (Task* task : tasks) scheduler.join(task);
  }
  keep(ran);
  return ns_per_op(begin_ns, kSpawns);
}

template <class Scheduler>
double run_future_pingpong(Scheduler& scheduler) {
  constexpr int kRoundTrips = 3'000'000;
  Future ping(scheduler);
  Future pong(scheduler);
  auto body = [&] {
    for (int trip = 0; trip < kRoundTrips; ++trip) pong.set(ping.take() + 1);
  };
  Task* const partner = scheduler.spawn(body);
  const std::int64_t begin_ns = now_ns();
  int value = 0;
  for (int trip = 0; trip < kRoundTrips; ++trip) {
    ping.set(value);
    value = pong.take();
  }
  const double result = ns_per_op(begin_ns, kRoundTrips);
  keep(value);
  scheduler.join(partner);
  return result;
}

template <bool kTuned>
void add_minsched_cases(std::vector<Case>& cases) {
  using Tasks = Scheduler<kTuned>;
  // One set of stacks for all: the pool is LIFO, so small cases use the same few warm stacks.
  const auto scheduler = std::make_shared<Tasks>(10'000);
  const auto add = [&](const std::string& group, auto run) {
    cases.push_back({.name = (kTuned ? "minsched_" : "minsched_plain_") + group,
                     .group = group,
                     .baseline = kTuned,
                     .run = [scheduler, run] { return run(*scheduler); }});
  };
  constexpr std::size_t kYields = 4'000'000;
  for (const std::size_t task_count : {1UL, 2UL, 1000UL, 10'000UL}) {
    // A yield of a lonely task is a single test.
    const std::size_t yields = task_count == 1 ? 20 * kYields : kYields;
    add("yield_" + std::to_string(task_count),
        [task_count, yields](Tasks& tasks) { return run_yield(tasks, task_count, yields, [] {}); });
  }
  if (kTuned) {
    // Beside the baseline: what remains of a difference when both pay for their system calls.
    cases.push_back({.name = "minsched_polling_yield_1000",
                     .group = "yield_1000",
                     .baseline = false,
                     .run = [scheduler] {
                       Poll poll;
                       return run_yield(*scheduler, 1000, kYields, [&poll] { poll.step(); });
                     }});
  }
  add("spawn_join", [](Tasks& tasks) { return run_spawn_join(tasks, 1); });
  add("spawn1000_join", [](Tasks& tasks) { return run_spawn_join(tasks, 1000); });
  add("future_pingpong", run_future_pingpong<Tasks>);
}

}  // namespace

double bare_yield(std::size_t tasks) {
  Scheduler<true> scheduler(tasks);
  return run_yield(scheduler, tasks, 4'000'000, [] {});
}

void add_raw_switch_cases(std::vector<Case>& cases) {
  cases.push_back({.name = "fcontext_roundtrip",
                   .group = "switch",
                   .baseline = true,
                   .run = run_fcontext_roundtrip});
  add_minsched_cases<true>(cases);
  add_minsched_cases<false>(cases);
}

}  // namespace coir_bench
