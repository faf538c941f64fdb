// SPDX-License-Identifier: BSL-1.0
// Files that the command writes: as a whole or not at all, and none is left half done by Ctrl-C or a
// full disk. A symbolic link's target is replaced, not the link.
#pragma once

#include <string>
#include <string_view>

namespace coir_tool {

/// Whether the file could be written: makes one next to it that it removes again. CommandError with
/// the reason when not. For before a measurement, which nobody wants to make for nothing.
void check_writable(const std::string& path);

/// Makes the folder that the file is to be in. CommandError when it cannot.
void make_folder_of(const std::string& path);

/// CommandError when it cannot, with the old file, if there was one, still there.
void write_file(const std::string& path, std::string_view text);

}  // namespace coir_tool
