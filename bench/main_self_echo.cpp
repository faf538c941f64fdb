// SPDX-License-Identifier: BSL-1.0
#include <vector>

#include "cases.hpp"
#include "support/harness.hpp"

int main(int argc, char** argv) {
  std::vector<coir_bench::Case> cases;
  coir_bench::add_raw_floor_cases(cases);
  coir_bench::add_raw_self_echo_cases(cases);
  coir_bench::add_coir_self_echo_cases(cases);

  return coir_bench::bench_main(
      argc, argv,
      {.name = "bench-self-echo",
       .summary = "one thread echoing to itself over pairs of sockets",
       .reactor_flags = "raw_uring*: SINGLE_ISSUER|DEFER_TASKRUN, registered ring descriptor"},
      cases);
}
