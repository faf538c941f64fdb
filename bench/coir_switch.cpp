// SPDX-License-Identifier: BSL-1.0
#include <coir/coir.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cases.hpp"
#include "measures.hpp"
#include "support/clock.hpp"

// What a switch, a spawn and a hand-over cost through coir's public interface: cancellation,
// results and exceptions included, and with an idle connection registered, so that looking at the
// kernel now and then is paid for.
namespace coir_bench {

namespace {

double ns_per_op(std::int64_t begin_ns, std::size_t ops) {
  return static_cast<double>(now_ns() - begin_ns) / static_cast<double>(ops);
}

// Runs `measure` on a loop that also has an idle connection.
double with_idle_connection(double (*measure)(std::size_t), std::size_t argument) {
  return coir::run([&] {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return 0.0;
    double result = 0;
    {
      auto idle = coir::create_task([fd = pair[0]] { coir::wait_readable(fd); });
      coir::yield_now();
      result = measure(argument);
      idle.cancel();
      try {
        coir::await(idle);
      } catch (const coir::TaskCancelledError&) {
      }
    }
    ::close(pair[0]);
    ::close(pair[1]);
    return result;
  });
}

double measure_yield(std::size_t task_count) {
  const std::size_t turns = std::max<std::size_t>(1, 4'000'000 / task_count);
  bool stop = false;
  std::vector<coir::Task<void>> tasks;
  for (std::size_t i = 1; i < task_count; ++i) {
    tasks.push_back(coir::create_task([&stop] {
      while (!stop) coir::yield_now();
    }));
  }
  coir::yield_now();  // everybody has started
  const std::int64_t begin_ns = now_ns();
  for (std::size_t turn = 0; turn < turns; ++turn) coir::yield_now();
  const double result = ns_per_op(begin_ns, turns * task_count);
  stop = true;
  for (auto& task : tasks) coir::await(task);
  return result;
}

double measure_spawn(std::size_t at_once) {
  constexpr std::size_t kSpawns = 800'000;
  std::size_t ran = 0;
  std::vector<coir::Task<void>> tasks;
  tasks.reserve(at_once);
  const std::int64_t begin_ns = now_ns();
  for (std::size_t turn = 0; turn < kSpawns / at_once; ++turn) {
    for (std::size_t i = 0; i < at_once; ++i) {
      tasks.push_back(coir::create_task([&ran] { ++ran; }));
    }
    for (auto& task : tasks) coir::await(task);
    tasks.clear();
  }
  return ns_per_op(begin_ns, ran);
}

double measure_pingpong(std::size_t round_trips) {
  coir::Future<int> ping = coir::create_future<int>();
  coir::Future<int> pong = coir::create_future<int>();
  auto partner = coir::create_task([&, round_trips] {
    for (std::size_t i = 0; i < round_trips; ++i) {
      const int value = coir::await(ping);
      ping = coir::create_future<int>();
      pong.set_result(value + 1);
    }
  });
  coir::yield_now();
  int value = 0;
  const std::int64_t begin_ns = now_ns();
  for (std::size_t i = 0; i < round_trips; ++i) {
    ping.set_result(value);
    value = coir::await(pong);
    pong = coir::create_future<int>();
  }
  const double result = ns_per_op(begin_ns, round_trips);
  coir::await(partner);
  return result;
}

void add(std::vector<Case>& cases, const std::string& group, double must,
         double (*measure)(std::size_t), std::size_t argument) {
  cases.push_back({.name = "coir_" + group,
                   .group = group,
                   .baseline = false,
                   .run = [=] { return with_idle_connection(measure, argument); },
                   .must = must});
}

}  // namespace

double coir_yield(std::size_t tasks) { return with_idle_connection(measure_yield, tasks); }

void add_coir_switch_cases(std::vector<Case>& cases) {
  add(cases, "yield_1", 0, measure_yield, 1);
  add(cases, "yield_2", 0, measure_yield, 2);
  add(cases, "yield_1000", 1.3, measure_yield, 1000);
  add(cases, "yield_10000", 0, measure_yield, 10'000);
  add(cases, "spawn_join", 4.0, measure_spawn, 1);
  add(cases, "spawn1000_join", 2.6, measure_spawn, 1000);
  add(cases, "future_pingpong", 7.0, measure_pingpong, 1'000'000);
}

}  // namespace coir_bench
