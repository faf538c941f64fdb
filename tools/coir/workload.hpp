// SPDX-License-Identifier: BSL-1.0
// What is measured: workloads, each on one reactor for a part of a second at a time.
#pragma once

#include "interrupt.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace coir_tool {

/// One case of a workload in one round. Crosses a pipe as it is.
struct Sample {
    double value = 0;  ///< in the case's unit
    double operations = 0;
    double cpu_ns_per_op = 0;  ///< of the process under test
    double polls_per_op = 0;   ///< turns of the loop that looked at the kernel
    /// Nanoseconds; all 0 where no latency is measured.
    double p50_ns = 0, p99_ns = 0, p999_ns = 0, max_ns = 0;
};

struct CaseInfo {
    std::string name;
    std::string unit;  ///< "ns" or "requests/s"
    bool higher_is_better = false;
};

struct Workload {
    std::string scenario;
    std::string title;  ///< one line that says what is done
    std::vector<CaseInfo> cases;
    /// Measures for about `seconds`, in children, on the reactor of that name; a sample for each
    /// case. Throws ChildFailure and InterruptedBySignal.
    std::function<std::vector<Sample>(InterruptWatch&, const std::string& reactor, double seconds)>
        measure;
};

/// A task that yields among `tasks` ready ones.
Workload switch_workload(unsigned tasks);
/// create_task and await, `at_once` tasks at a time.
Workload spawn_workload(unsigned at_once);
/// call_later: arming, cancelling, firing.
Workload timers_workload();
/// How much later than asked for a sleeping task goes on.
Workload lateness_workload();

struct EchoPlan {
    std::size_t connections = 64;
    std::size_t size = 64;
    bool ring_load = false;  ///< the load generator may use io_uring: see can_load_by_ring()
};
/// A TCP server made of coir's streams in one process, a closed-loop load generator in another.
Workload echo_workload(const EchoPlan& plan);
/// Whether the load generator can use io_uring here; else it uses epoll. Tried in a child.
bool can_load_by_ring(InterruptWatch& interrupt);

}  // namespace coir_tool
