// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace coir_tool {

/// CommandError (1) if no process here may have so many connections open, which take so many
/// descriptors each.
void check_descriptors_for(std::size_t connections, std::size_t descriptors_each = 1);
/// So many, or what a process here may have if both ends of a proxy are its own.
std::size_t connections_within_limit(std::size_t wanted);

}  // namespace coir_tool
