// SPDX-License-Identifier: BSL-1.0
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../runtime/fiber_switch.hpp"
#include "cases.hpp"
#include "support/clock.hpp"

// A switch by itself, as the scheduler makes it: errno and the exceptions in flight are the fiber's own, which
// a bare jump leaves alone. Built with the library's options.
namespace coir_bench {

namespace {

using namespace coir::detail;

struct Pair {
  ThreadState thread = ThreadState::of_this_thread();
  FiberContext here;
  FiberContext partner;
};

// Switches straight back, for ever.
void bounce(void* argument) {
  Pair& pair = *static_cast<Pair*>(argument);
  for (;;) switch_context(pair.thread, pair.partner, pair.here);
}

double run_switch_roundtrip() {
  constexpr std::size_t kRoundTrips = 4'000'000;
  constexpr std::size_t kStackBytes = 64 * 1024;
  alignas(64) static std::byte stack[kStackBytes];
  Pair pair;
  make_context(pair.partner, stack + kStackBytes, kStackBytes, bounce, &pair);
  switch_context(pair.thread, pair.here, pair.partner);  // the first one begins the fiber
  const std::int64_t begin_ns = now_ns();
  for (std::size_t trip = 0; trip < kRoundTrips; ++trip) switch_context(pair.thread, pair.here, pair.partner);
  return static_cast<double>(now_ns() - begin_ns) / static_cast<double>(kRoundTrips);
}

}  // namespace

void add_coir_bare_switch_case(std::vector<Case>& cases) {
  cases.push_back({.name = "coir_switch_roundtrip", .group = "switch", .run = run_switch_roundtrip});
}

}  // namespace coir_bench
