// SPDX-License-Identifier: BSL-1.0
#include <vector>

#include "cases.hpp"
#include "support/harness.hpp"

// What io_uring's options are worth here, in loops by hand without coir: whether coir should use them is
// decided by this (LOG.md). Multishot receives are in bench-self-echo and two-process.
int main(int argc, char** argv) {
  std::vector<coir_bench::Case> cases;
  coir_bench::add_raw_ring_option_cases(cases);
  coir_bench::add_raw_ring_wake_cases(cases);
  return coir_bench::bench_main(
      argc, argv,
      {.name = "bench-ring-options",
       .summary = "what io_uring's options are worth on this machine, without coir",
       .reactor_flags = "SINGLE_ISSUER|DEFER_TASKRUN, registered ring descriptor"},
      cases);
}
