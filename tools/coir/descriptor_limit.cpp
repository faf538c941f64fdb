// SPDX-License-Identifier: BSL-1.0
#include "descriptor_limit.hpp"

#include "command.hpp"

#include <algorithm>

#include <sys/resource.h>

namespace coir_tool {

std::size_t connections_within_limit(std::size_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return wanted;
    constexpr std::size_t descriptors_each = 3;  // two, and room for what else a process has
    return std::clamp<std::size_t>(limit.rlim_max / descriptors_each, 1, wanted);
}

// Children raise the soft limit themselves; beyond the hard one nothing helps.
void check_descriptors_for(std::size_t connections, std::size_t descriptors_each) {
    constexpr std::size_t others = 32;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    if (limit.rlim_max == RLIM_INFINITY || connections * descriptors_each + others <= limit.rlim_max) return;
    throw CommandError(exit_failure, "--connections " + std::to_string(connections) +
                                         " needs more descriptors than this process may have, " +
                                         std::to_string(limit.rlim_max) +
                                         "; raise the hard limit (ulimit -Hn)");
}

}  // namespace coir_tool
