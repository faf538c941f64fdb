// SPDX-License-Identifier: BSL-1.0
#include <coir/coir.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "measures.hpp"
#include "partner_loop.hpp"
#include "raw/self_echo.hpp"
#include "support/clock.hpp"
#include "support/harness.hpp"
#include "support/machine.hpp"

// What a second loop on a second processor brings: each echoes to itself over 64 pairs of its own. The
// baseline of a group is one loop alone; 0.5 would be twice as much done. What the raw loops make of the
// second processor is what the machine has to give.
namespace coir_bench {

namespace {

constexpr SelfEchoShape kShape{Family::Unix, 64, 64};

// ns per message of all threads together: they begin at the same time, and the last one counts.
double run_on(std::size_t threads, const EchoLoop& loop) {
  std::atomic<std::size_t> ready{0};
  std::vector<double> ns(threads);
  std::vector<std::exception_ptr> errors(threads);
  const auto work = [&](std::size_t index) {
    try {
      pin_to_allowed_cpu(static_cast<unsigned>(index));
      ready.fetch_add(1);
      while (ready.load() < threads) std::this_thread::yield();
      ns[index] = run_self_echo(loop, kShape);
    } catch (...) {
      errors[index] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (std::size_t index = 0; index < threads; ++index) others.emplace_back(work, index);
  for (std::thread& thread : others) thread.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  double rate = 0;
  for (const double each : ns) rate += 1 / each;
  return 1 / rate;
}

void add_scaling(std::vector<Case>& cases, const std::string& name, const EchoLoop& loop) {
  for (const std::size_t threads : {std::size_t{1}, std::size_t{2}}) {
    cases.push_back({.name = name + "_on_" + std::to_string(threads),
                     .group = "scaling_" + name,
                     .baseline = threads == 1,
                     .run = [=] { return run_on(threads, loop); }});
  }
}

// Tasks that each await a task of the other loop: `at_once` of them are under way.
double cross_loop_await(std::size_t at_once) {
  return coir::run([at_once] {
    constexpr std::size_t kAwaits = 100'000;
    Partner partner;
    std::size_t left = kAwaits;
    const std::int64_t begin_ns = now_ns();
    coir::with_task_group([&](coir::TaskGroup& group) {
      for (std::size_t i = 0; i < at_once; ++i) {
        group.create_task([&] {
          while (left > 0) {
            --left;
            coir::await(coir::run_task_threadsafe(partner.loop(), [] { return 1; }));
          }
        });
      }
    });
    return static_cast<double>(now_ns() - begin_ns) / static_cast<double>(kAwaits);
  });
}

}  // namespace

}  // namespace coir_bench

int main(int argc, char** argv) {
  using namespace coir_bench;
  std::vector<Case> cases;
  add_scaling(cases, "raw_epoll", echo_epoll);
  add_scaling(cases, "coir_epoll", coir_echo_loop("epoll"));
  add_scaling(cases, "raw_io_uring", echo_uring);
  add_scaling(cases, "coir_io_uring", coir_echo_loop("io_uring"));
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{100}}) {
    cases.push_back({.name = "coir_await_other_loop_" + std::to_string(at_once),
                     .group = "await_other_loop",
                     .baseline = at_once == 1,
                     .run = [at_once] { return cross_loop_await(at_once); }});
  }
  return bench_main(argc, argv,
                    {.name = "bench-scaling",
                     .summary = "a second loop on a second processor, and what two loops cost each other",
                     .reactor_flags = ""},
                    cases);
}
