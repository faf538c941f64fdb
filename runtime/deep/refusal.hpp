// SPDX-License-Identifier: BSL-1.0
// What cannot be done here is said in one line, and the program is not started.
#pragma once

#include <string>

namespace coir_deep {

/// The exit status: the one that `coir` has for what cannot be done here.
inline constexpr int cannot_be_done = 3;

/// Ends the process.
[[noreturn]] void refuse(const std::string& why) noexcept;

}  // namespace coir_deep
