// SPDX-License-Identifier: BSL-1.0
// The exported functions as data: what a slot of another library is filled with.
#pragma once

#include "real.hpp"

#include <cstddef>
#include <string_view>

namespace coir_legacy {

struct Wrapper {
    std::string_view name;
    unsigned category;  ///< a bit of enum Category
    void* function;
    Symbol symbol;
};

/// Of every symbol of the table, in its order.
const Wrapper* wrappers() noexcept;
inline constexpr std::size_t wrapper_count = static_cast<std::size_t>(Symbol::count_);

}  // namespace coir_legacy
