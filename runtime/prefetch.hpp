// SPDX-License-Identifier: BSL-1.0
// Asking for memory before it is needed.
//
// Whatever does nothing but prefetch must be inlined by force: GCC takes such a function for one without
// effects and drops the calls of it before it would inline them (seen with 12.2; nothing warns).
#pragma once

namespace coir {
inline namespace v0 {
namespace detail {

/// The cache line at `address`, which may be anything.
[[gnu::always_inline]] inline void prefetch_line(const void* address) noexcept {
    __builtin_prefetch(address);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
