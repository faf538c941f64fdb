// SPDX-License-Identifier: BSL-1.0
// coir run --legacy: whether libcoir-legacy can be preloaded into a program, and would be of use.
#pragma once

#include <string>
#include <vector>

#include "command.hpp"

namespace coir_tool {

/// --legacy without a list: "true" is what the command line makes of it.
inline bool is_flag_alone(const std::string& list) { return list == "true"; }
/// What COIR_LEGACY gets for the value of --legacy: a list of known categories; nothing for "all".
/// Throws UsageError.
OptionText legacy_categories_for(const std::string& list);

/// The path of libcoir-legacy: beside the libcoir that this command runs with, or where it is
/// installed or built relative to this command. Throws CommandError.
std::string find_legacy_library();
/// The same of another library of coir, "" when it is not there; `folder`: its own in the build tree.
std::string find_library_of_coir(const std::string& name, const std::string& folder);

/// Where execvp() would find a program. Throws CommandError (126, 127) as `coir run` does.
std::string find_program(const std::string& name);

/// Throws CommandError, with one clear line, when LD_PRELOAD=library does nothing for the program,
/// or, without `force`, when the program has no tasks that could wait.
void check_preloadable(const std::string& program, const std::string& library, bool force);

/// Whether the program, or what runs it, loads libcoir itself, or contains it. Throws CommandError.
bool uses_libcoir(const std::string& program);

/// LD_PRELOAD with the library behind what is there: a sanitizer's must stay the first.
std::string preload_with(const char* present, const std::string& library);

}  // namespace coir_tool
