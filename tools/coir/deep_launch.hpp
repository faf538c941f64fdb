// SPDX-License-Identifier: BSL-1.0
// coir run --legacy --threads-as-tasks: whether libcoir-deep can be preloaded into a program.
#pragma once

#include <string>

#include "command.hpp"

namespace coir_tool {

/// Throws UsageError for what does not go with --threads-as-tasks.
void check_threads_as_tasks(const RunOptions& options);

/// What COIR_LEGACY gets for the value of --legacy: everything but what a thread has of its own by
/// its TLS block, and what the list adds.
std::string categories_for_threads(const std::string& list);

/// The path of libcoir-deep. Throws CommandError when it is not there, or does not go with the
/// program.
std::string deep_library_for(const std::string& program);

}  // namespace coir_tool
