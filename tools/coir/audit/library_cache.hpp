// SPDX-License-Identifier: BSL-1.0
// /etc/ld.so.cache: where ldconfig found which library.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace coir_tool {

/// Paths by name, in the order of the cache, for all processors. Nothing when the text is no cache
/// that is understood; what is damaged is left out.
using LibraryCache = std::map<std::string, std::vector<std::string>, std::less<>>;
LibraryCache parse_library_cache(std::string_view bytes);

}  // namespace coir_tool
