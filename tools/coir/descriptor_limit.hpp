// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace coir_tool {

/// CommandError (1) if no process here may have so many connections open.
void check_descriptors_for(std::size_t connections);

}  // namespace coir_tool
