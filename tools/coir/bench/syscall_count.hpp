// SPDX-License-Identifier: BSL-1.0
// System calls of a server under load.
#pragma once

#include "served.hpp"

namespace coir_tool {

/// System calls of the server per request, counted by tracing it for about `seconds` of the same load.
/// Absent where tracing is not permitted, or when that failed otherwise.
double count_served_syscalls(InterruptWatch& interrupt, const Served& served, double seconds);

}  // namespace coir_tool
