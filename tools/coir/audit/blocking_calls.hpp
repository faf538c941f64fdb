// SPDX-License-Identifier: BSL-1.0
// The functions of libc that may make a thread wait, or that a program of tasks should know about,
// and what to do where libcoir-legacy does not replace them. The only such list; what the library
// replaces (legacy_table.hpp) goes before it, so that this one may name everything.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coir_tool {

/// How much something matters, in rising order.
enum class Level : unsigned char {
    note,    ///< good to know
    remedy,  ///< works, when the remedy is heeded
    blocks,  ///< the whole thread waits, with all of its tasks
};
/// "note", "remedy", "blocks".
const char* level_name(Level level);

struct CallGroup {
    std::string_view name;  ///< --allow takes it
    Level level;
    std::string_view remedy;   ///< a sentence: why, and what to do
    std::string_view symbols;  ///< separated by spaces
};

const std::vector<CallGroup>& call_groups();
/// The group of a function; null when it is in none.
const CallGroup* find_group(std::string_view symbol);
CallGroup const& group_named(std::string_view name);

/// The functions of a group.
std::vector<std::string_view> symbols_of(const CallGroup& group);

}  // namespace coir_tool
