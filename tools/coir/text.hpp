// SPDX-License-Identifier: BSL-1.0
// Words of messages: quoting, listing, "did you mean".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coir_tool {

/// 'text', with control characters shown as '?' so that a message stays one line.
std::string in_quotes(std::string_view text);
/// "a, b, c".
std::string listed(const std::vector<std::string>& words);
/// "; did you mean 'echo'?", or nothing when no candidate is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);
/// Splits at commas; an empty item throws UsageError that names `option`.
std::vector<std::string> split_list(std::string_view option, std::string_view text);
/// The message of an exception without the library's own "coir: ".
std::string without_prefix(std::string_view message);

}  // namespace coir_tool
