// SPDX-License-Identifier: BSL-1.0
// Workloads inside one loop of coir: running them in a child, and timing them there. And what does the
// same without a loop.
#pragma once

#include "workload.hpp"

#include "support/clock.hpp"

#include <coir/event_loop.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace coir_tool {

/// What a stretch of work takes: time, CPU time, context switches and, when they are counted, system calls
/// of all threads of this process, and polls of the loop.
class Stretch {
public:
    /// Null: without a loop.
    explicit Stretch(const coir::EventLoop* loop = &coir::get_running_loop());
    /// Nanoseconds since it was made.
    double elapsed_ns() const noexcept;
    /// With the nanoseconds per operation as its value.
    Measured finish(double operations) const;

private:
    const coir::EventLoop* loop_;
    std::int64_t begin_ns_;
    std::int64_t begin_cpu_ns_;
    std::uint64_t begin_turns_;
    std::uint64_t begin_switches_;
    double begin_calls_;
};

/// Calls `part()` again and again for so many seconds, at least once. A fifth of the time should be
/// spent on it before anything is timed, for stacks to be touched and branches to be learned.
template <class Part>
void repeat_for(double seconds, const Part& part) {
    const std::int64_t end = coir_bench::now_ns() + static_cast<std::int64_t>(seconds * 1e9);
    do {
        part();
    } while (coir_bench::now_ns() < end);
}

/// Times `part()`, which returns how many operations it did, for so many seconds and a warm-up.
template <class Part>
Measured time_parts(double seconds, const coir::EventLoop* loop, const Part& part) {
    repeat_for(seconds / 5, part);
    double operations = 0;
    const Stretch stretch(loop);
    repeat_for(seconds, [&] { operations += part(); });
    return stretch.finish(operations);
}

/// Measures for about so many seconds; one for each case.
using LoopBody = std::function<std::vector<Measured>(double seconds)>;

/// What does the same without coir, in a child that is pinned likewise.
struct BaselineBody {
    std::string name;
    LoopBody body;
};

/// A workload whose body is the main task of a loop on a reactor, in a child pinned to the first CPU that
/// this process may use; with these baselines.
Workload loop_workload(std::string scenario, std::string title, std::vector<CaseInfo> cases,
                       const LoopBody& body, const std::vector<BaselineBody>& baselines = {});

}  // namespace coir_tool
