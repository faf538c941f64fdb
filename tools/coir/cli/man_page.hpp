// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cli/command_info.hpp"

#include <string>

namespace coir_tool {

/// coir(1) as roff, made of the texts that --help prints. The build installs it.
std::string format_man_page(const CommandInfo& root);

}  // namespace coir_tool
