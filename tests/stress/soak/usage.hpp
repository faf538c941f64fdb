// SPDX-License-Identifier: BSL-1.0
// What a process holds.
#pragma once

#include <cstddef>

#include <sys/types.h>

namespace coir_soak {

struct Usage {
    double resident = 0;  ///< bytes
    std::size_t descriptors = 0;
    std::size_t mappings = 0;
};

/// Of a process that may be looked at. Throws Failure when it is gone.
Usage read_usage(pid_t process);
/// Of this one.
Usage read_usage();

/// Raises the limit of descriptors to the highest allowed, and returns it.
std::size_t raise_descriptor_limit();

}  // namespace coir_soak
