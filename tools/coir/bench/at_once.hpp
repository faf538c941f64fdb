// SPDX-License-Identifier: BSL-1.0
// The same operation again and again by several at once: tasks of a loop, or threads.
#pragma once

#include "loop_workload.hpp"

#include "support/histogram.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace coir_tool {

/// "one by one", "16 at once".
std::string at_once_phrase(unsigned count);

/// Called with the number of who does it, from 0.
using Operation = std::function<void(unsigned worker)>;

/// Operations per second of so many tasks, after a warm-up, and how long each operation took.
Measured repeat_in_tasks(unsigned workers, double seconds, const Operation& operation);
/// The same with threads.
Measured repeat_in_threads(unsigned workers, double seconds, const Operation& operation);
/// The same with whatever else: `run` records operations until a time of the monotonic clock.
Measured repeat_until(double seconds, const coir::EventLoop* loop,
                      const std::function<void(std::int64_t end_ns, coir_bench::Histogram&)>& run);

/// Repeats the operation until a time of the monotonic clock, at least once, so that there is a figure
/// on the busiest machine.
void work_until(std::int64_t end_ns, unsigned worker, const Operation& operation,
                coir_bench::Histogram& latency);

/// Runs `body` in so many threads, waits for all, and throws the first exception of any.
void run_in_threads(unsigned count, const std::function<void(unsigned worker)>& body);

}  // namespace coir_tool
