// SPDX-License-Identifier: BSL-1.0
// Environment variables.
#pragma once

#include <cstdlib>

namespace coir_tool {

/// Its value; null where it is not set, or empty.
inline const char* variable(const char* name) {
    const char* value = std::getenv(name);
    return value && *value ? value : nullptr;
}

}  // namespace coir_tool
