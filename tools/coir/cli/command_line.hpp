// SPDX-License-Identifier: BSL-1.0
// From the words of a command line to the command that they call.
#pragma once

#include "cli/command_info.hpp"

#include <string>
#include <vector>

namespace coir_tool {

/// Fills the options of the command that `words` call in, and returns it; null when --help was asked
/// for, and has been printed. The root is returned where no command is named. Throws UsageError.
const CommandInfo* parse_command_line(const CommandInfo& root, std::vector<std::string> words);

}  // namespace coir_tool
