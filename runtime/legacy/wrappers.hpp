// SPDX-License-Identifier: BSL-1.0
// The exported functions as data: what a slot of another library is filled with.
#pragma once

#include "real.hpp"

#include <string_view>

namespace coir_legacy {

struct Wrapper {
    std::string_view name;
    unsigned category;  ///< a bit of enum Category
    void* function;
    Symbol symbol;  ///< count_: it has no real function of its own
};

struct Wrappers {
    const Wrapper* first;
    const Wrapper* last;
    const Wrapper* begin() const noexcept { return first; }
    const Wrapper* end() const noexcept { return last; }
};
/// Those of the categories that are on, or would be by enable_optional(): COIR_LEGACY may leave out some.
unsigned effective(unsigned categories) noexcept;
/// Turns on those of the categories that are off by default: somebody has asked for them.
void enable_optional(unsigned categories) noexcept;

/// All that this library exports in the place of libc's.
Wrappers wrappers() noexcept;

}  // namespace coir_legacy
