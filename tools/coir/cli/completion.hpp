// SPDX-License-Identifier: BSL-1.0
// Scripts that complete coir's command line in a shell. They are made of the same data as the parser,
// and know everything that they offer: no shell runs the command for it.
#pragma once

#include "cli/command_info.hpp"

#include <string>
#include <vector>

namespace coir_tool {

/// bash, zsh, fish.
const std::vector<std::string>& shell_names();

/// Throws UsageError for another shell.
std::string format_completion(const CommandInfo& root, const std::string& shell);

}  // namespace coir_tool
