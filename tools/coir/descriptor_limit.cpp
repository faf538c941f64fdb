// SPDX-License-Identifier: BSL-1.0
#include "descriptor_limit.hpp"

#include "command.hpp"

#include <sys/resource.h>

namespace coir_tool {

// Children raise the soft limit themselves; beyond the hard one nothing helps.
void check_descriptors_for(std::size_t connections) {
    constexpr std::size_t others = 32;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    if (limit.rlim_max == RLIM_INFINITY || connections + others <= limit.rlim_max) return;
    throw CommandError(exit_failure, "--connections " + std::to_string(connections) +
                                         " needs more descriptors than this process may have, " +
                                         std::to_string(limit.rlim_max) +
                                         "; raise the hard limit (ulimit -Hn)");
}

}  // namespace coir_tool
