// SPDX-License-Identifier: BSL-1.0
// Return addresses and what they are called. Symbols are looked up only when something is shown.
#pragma once

#include <string>

namespace coir {
inline namespace v0 {
namespace detail {

/// The return addresses of the calling stack, innermost first.
int capture_here(void** addresses, int most) noexcept;
/// "function+0x12 (program)", or the bare address.
std::string describe_address(const void* address);

}  // namespace detail
}  // namespace v0
}  // namespace coir
