// SPDX-License-Identifier: BSL-1.0
// Return addresses and what they are called. Symbols are looked up only when something is shown.
#pragma once

#include <string>
#include <typeinfo>

namespace coir {
inline namespace v0 {
namespace detail {

/// The return addresses of the calling stack, innermost first.
int capture_here(void** addresses, int most) noexcept;
/// How many of these are a task's own: those before `entry`, which every fiber begins with, and the
/// function that it calls.
int trim_frames(void* const* addresses, int count, void (*entry)(void*)) noexcept;
/// A line per address, the first without anything in front, the others with `between`. Leaves out
/// coir's own functions at the beginning. Says once in the process how to get names where there are
/// none.
std::string describe_frames(const void* const* addresses, int count, const char* between);
/// "function+0x12 (program)", or the bare address.
std::string describe_address(const void* address);
/// The type's name in the language; a lambda's says which function it was written in.
std::string describe_type(const std::type_info& type);

}  // namespace detail
}  // namespace v0
}  // namespace coir
