// SPDX-License-Identifier: BSL-1.0
// Where this command is: what belongs to it is found relative to that, in the build tree as well as
// where it was installed.
#pragma once

#include <string>

namespace coir_tool {

/// The path up to its last '/'; "." when it has none.
std::string folder_of(std::string path);
/// Absolute and without symbolic links; "" when there is no such file.
std::string real_path(const std::string& path);
/// The folder of this command's executable file.
std::string folder_of_command();

}  // namespace coir_tool
