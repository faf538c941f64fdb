// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <memory>

#include "endpoint.hpp"
#include "load.hpp"

namespace coir_bench {

struct OpenLoadPlan {
  Endpoint server;
  std::size_t connections = 64;
  std::size_t size = 64;  // bytes of a message, at least 1
  double rate = 1000;     // messages per second, over all connections
};

// An open-loop load for an echo server: messages are sent on a schedule, whether or not the answers
// to earlier ones have come. The time of an answer counts from when its message should have been
// sent; when the generator is late, it catches up and leaves none out. At the end of run_for() it
// waits a little for the answers that are due. A message counts as late when it was sent more than a
// tenth of a millisecond behind schedule.
std::unique_ptr<Load> make_open_load(const OpenLoadPlan& plan);

}  // namespace coir_bench
