// SPDX-License-Identifier: BSL-1.0
#include "own_folder.hpp"

#include <algorithm>
#include <cstdlib>

namespace coir_tool {

std::string folder_of(std::string path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

std::string real_path(const std::string& path) {
    char* real = ::realpath(path.c_str(), nullptr);
    std::string result = real ? real : "";
    std::free(real);
    return result;
}

std::string folder_of_command() { return folder_of(real_path("/proc/self/exe")); }

}  // namespace coir_tool
