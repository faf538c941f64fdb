// SPDX-License-Identifier: BSL-1.0
// Workloads inside one loop: running them in a child, and timing them there.
#pragma once

#include "workload.hpp"

#include "support/histogram.hpp"

#include <coir/event_loop.hpp>

#include <chrono>
#include <cstdint>

namespace coir_tool {

/// CPU time of this thread.
std::int64_t thread_cpu_ns() noexcept;

/// Counts the time, the CPU and the polls of a stretch of work on the running loop.
class Stretch {
public:
    Stretch();
    /// Nanoseconds since it was made.
    double elapsed_ns() const noexcept;
    /// A sample with the nanoseconds per operation as its value.
    Sample finish(double operations) const;

private:
    coir::EventLoop& loop_;
    std::int64_t begin_ns_;
    std::int64_t begin_cpu_ns_;
    std::uint64_t begin_turns_;
};

/// Fills the latency fields in.
void set_latency(Sample& sample, const coir_bench::Histogram& histogram);

/// Runs `body` as the main task of a loop on `reactor`, in a child pinned to the first CPU that
/// this process may use. An idle connection is registered, so that looking at the kernel is paid
/// for.
std::vector<Sample> measure_in_loop(InterruptWatch& interrupt, const std::string& reactor,
                                    double seconds,
                                    const std::function<std::vector<Sample>(double)>& body);

/// How long a child may take for a stretch of `seconds` before it counts as stuck.
std::chrono::milliseconds patience(double seconds);

/// Samples as a message between processes.
std::string pack(const std::vector<Sample>& samples);
std::vector<Sample> unpack(const std::string& message, std::size_t count);

}  // namespace coir_tool
