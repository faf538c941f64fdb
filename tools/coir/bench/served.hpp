// SPDX-License-Identifier: BSL-1.0
// Workloads of a server, which is measured, and a load generator: each in a process of its own, on
// different CPUs when there are two.
#pragma once

#include "child.hpp"
#include "workload.hpp"

#include "support/load.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace coir_tool {

/// Called by a server once it can be reached, with the port or descriptor or whatever number it is
/// reached by.
using Ready = std::function<void(int where)>;

struct Served {
    /// In a child, pinned to the first CPU: calls `ready` and serves until it is killed.
    std::function<void(const Ready& ready)> serve;
    /// Instead of that: a program that prints its port, and serves until it is killed.
    std::vector<std::string> command;
    /// In another child, pinned to the second CPU.
    std::function<std::unique_ptr<coir_bench::Load>(int where)> connect;
};

/// The server of `served` in a child, pinned to the nth CPU, until it is destroyed.
class ServerChild {
public:
    /// Waits until it can be reached. Throws ChildFailure and InterruptedBySignal.
    ServerChild(InterruptWatch& interrupt, const Served& served, unsigned nth_cpu,
                Child::Clock::time_point deadline);
    int where() const noexcept { return where_; }
    int pid() const noexcept { return child_.pid(); }
    /// The load failed: when the server did so before, then its error is the one to tell.
    [[noreturn]] void fail_with_cause(const ChildFailure& failure);

private:
    int wait_until_reachable(Child::Clock::time_point deadline);
    const bool prints_lines_;
    Child child_;
    const int where_;
};

/// For a child that does nothing else: pins it to the second CPU. What is connected is never destroyed:
/// the child's exit is its end, whatever is still under way.
coir_bench::Load& connect_load(const Served& served, int where);

/// Clears the load and runs it; longer when no answer comes in so short a time on a busy machine.
/// Returns how long it took, in nanoseconds. Throws std::runtime_error if there is none in seconds.
std::int64_t run_window(coir_bench::Load& load, std::int64_t window_ns);

/// One measurement of a load, in the process that makes it: a warm-up of a quarter of `seconds`, then
/// about so long. `server`: the process whose time and memory count; 0: nothing is known of it.
Measured measure_load(coir_bench::Load& load, int server, double seconds);

/// One measurement of about `seconds` after a warm-up of a quarter of that: operations per second,
/// what they cost the server, and their latencies.
Measured measure_served(InterruptWatch& interrupt, const Served& served, double seconds);

}  // namespace coir_tool
