// SPDX-License-Identifier: BSL-1.0
// System calls per operation, counted by tracing: of a server under load, or of a loop.
//
// Tracing slows down what it looks at, several times over. Nothing else is measured meanwhile.
#pragma once

#include "served.hpp"
#include "syscall_tracer.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace coir_tool {

/// Whatever keeps a server busy, in a child of its own: begins tracing and counts with the two functions
/// below. Returns the number of operations.
using CountedUse = std::function<double(int where, TracingPhase& phase)>;

/// From now on the server is traced. Throws std::runtime_error where that is not permitted.
void begin_tracing(TracingPhase& phase);
/// Counts its calls from when it rests, while `body` runs, until it rests again.
void count_during(TracingPhase& phase, const std::function<void()>& body);

/// System calls of the server for each operation of `use`. Absent where tracing is not permitted, or when
/// that failed otherwise. `seconds`: about how long it takes.
double count_server_syscalls(InterruptWatch& interrupt, const Served& served, double seconds,
                             const CountedUse& use);

/// The same for the server's own load.
double count_served_syscalls(InterruptWatch& interrupt, const Served& served, double seconds);

/// The same for a load on a schedule, which a traced server could not keep to: it gets as much slower as
/// tracing makes the server, so that the server is as busy as it is without.
struct PacedLoad {
    /// A closed loop, by which that is found out.
    std::function<std::unique_ptr<coir_bench::Load>(int where)> closed;
    /// At so many times its rate.
    std::function<std::unique_ptr<coir_bench::Load>(int where, double times)> open;
};
double count_paced_syscalls(InterruptWatch& interrupt, const Served& served, double seconds,
                            const PacedLoad& load);

/// Runs `body`, which measures for about `seconds`, traced in a child: the `syscalls_per_op` of its
/// samples. Empty where that cannot be.
std::vector<double> count_syscalls_in_child(InterruptWatch& interrupt, double seconds,
                                            const std::function<std::vector<Measured>()>& body);
/// System calls of this process so far, all threads together, in such a child; elsewhere absent.
double traced_calls() noexcept;

}  // namespace coir_tool
