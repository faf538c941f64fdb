// SPDX-License-Identifier: BSL-1.0
// Workloads inside one loop of coir: running them in a child, and timing them there.
#pragma once

#include "workload.hpp"

#include <coir/event_loop.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace coir_tool {

/// CPU time of this thread.
std::int64_t thread_cpu_ns() noexcept;

/// Counts the time, the CPU and the polls of a stretch of work on the running loop.
class Stretch {
public:
    Stretch();
    /// Nanoseconds since it was made.
    double elapsed_ns() const noexcept;
    /// With the nanoseconds per operation as its value.
    Measured finish(double operations) const;

private:
    coir::EventLoop& loop_;
    std::int64_t begin_ns_;
    std::int64_t begin_cpu_ns_;
    std::uint64_t begin_turns_;
};

/// Measures for about so many seconds; one for each case.
using LoopBody = std::function<std::vector<Measured>(double seconds)>;

/// Runs `body` as the main task of a loop on `reactor`, in a child pinned to the first CPU that
/// this process may use. An idle connection is registered, so that looking at the kernel is paid
/// for.
std::vector<Measured> measure_in_loop(InterruptWatch& interrupt, const std::string& reactor,
                                      double seconds, const LoopBody& body);

/// A workload of that kind, for every reactor and no baseline.
Workload loop_workload(std::string scenario, std::string title, std::vector<CaseInfo> cases,
                       const LoopBody& body);

}  // namespace coir_tool
