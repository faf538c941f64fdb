// SPDX-License-Identifier: BSL-1.0
// What the kernel counts of a process, from /proc.
#pragma once

#include <cstdint>

namespace coir_tool {

struct ProcessFacts {
    std::int64_t cpu_ns = 0;     ///< of all threads that are there, io_uring's workers among them
    std::uint64_t switches = 0;  ///< context switches of those threads, of both kinds
    std::uint64_t rss_bytes = 0;
};

/// A thread that is running right now is accounted up to its last scheduler tick only. Throws
/// std::runtime_error if there is no such process.
ProcessFacts read_process_facts(int pid);
/// Of its memory alone; 0 if there is no such process.
std::uint64_t read_resident_bytes(int pid);

}  // namespace coir_tool
