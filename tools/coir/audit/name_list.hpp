// SPDX-License-Identifier: BSL-1.0
// Names of imported functions from somebody else's output: of nm, or one on each line.
#pragma once

#include <string_view>
#include <vector>

#include "audit.hpp"

namespace coir_tool {

/// The names in a text as `nm`, `nm -D`, `nm -u`, `nm -P` or `nm -A` print it; what is defined
/// there is left out. A word that stands alone on its line is a name.
std::vector<ImportedName> parse_names(std::string_view text);

}  // namespace coir_tool
