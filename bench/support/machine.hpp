// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

namespace coir_bench {

std::string kernel_release();
std::string cpu_model();
std::string compiler_version();
// The three numbers of /proc/loadavg, as text.
std::string load_average();

// Pins the calling thread to the nth CPU which this process was allowed to use when it started,
// counting round if there are fewer. Run the program under taskset(1) to choose which.
void pin_to_allowed_cpu(unsigned nth);

// Pins the calling thread to that CPU. Throws std::system_error.
void pin_to_cpu(int cpu);

// Run time of all threads of a process so far, from /proc/PID/task/*/schedstat. A thread which is
// running right now is accounted up to its last scheduler tick only. Throws std::runtime_error.
std::int64_t process_cpu_ns(int pid);

// Raises the limit of open descriptors as far as this process may.
void raise_descriptor_limit();

// How often the calling thread was preempted so far.
long preemption_count();

}  // namespace coir_bench
