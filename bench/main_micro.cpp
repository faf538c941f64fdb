// SPDX-License-Identifier: BSL-1.0
#include <vector>

#include "cases.hpp"
#include "support/harness.hpp"

int main(int argc, char** argv) {
  std::vector<coir_bench::Case> cases;
  coir_bench::add_raw_switch_cases(cases);
  coir_bench::add_raw_timer_cases(cases);
  coir_bench::add_raw_wake_cases(cases);
  coir_bench::add_raw_stack_cases(cases);
  coir_bench::add_coir_bare_switch_case(cases);
  coir_bench::add_coir_switch_cases(cases);
  coir_bench::add_coir_timer_cases(cases);
  coir_bench::add_coir_wake_cases(cases);
  coir_bench::add_coir_stack_cases(cases);
  coir_bench::add_peer_wake_cases(cases);

  return coir_bench::bench_main(
      argc, argv,
      {.name = "bench-micro",
       .summary = "switches, spawn and join, futures, timers, cross-thread wake-ups, new stacks",
       .reactor_flags = ""},
      cases);
}
