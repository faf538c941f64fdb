// SPDX-License-Identifier: BSL-1.0
// See post_memory.cpp.
#pragma once

#include <coir/detail/config.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

/// Gives back what this thread and the depot have: for tests that count memory.
COIR_API void release_post_memory() noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
