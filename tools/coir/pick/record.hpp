// SPDX-License-Identifier: BSL-1.0
// Recording a choice in the file that the library's automatic choice reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coir_tool {

/// Where `scope` ("user", "system") records; UsageError for another scope, CommandError when the
/// user has no home.
std::string record_path(const std::string& scope);

/// Replaces the file as a whole or not at all. `comments` go into it line by line.
void record_choice(const std::string& path, const std::string& reactor,
                   const std::vector<std::string>& comments);

}  // namespace coir_tool
