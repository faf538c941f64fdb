// SPDX-License-Identifier: BSL-1.0
// COIR_DEBUG=fds: descriptors whose numbers come near FD_SETSIZE, from where on FD_SET() ends the
// program, where a library that is loaded uses select().
#pragma once

namespace coir {
inline namespace v0 {
namespace detail {

/// 64 before FD_SETSIZE.
inline constexpr int near_the_end_of_select = 1024 - 64;

/// Says so, once in the process, if anything loaded imports select(). Any thread.
void warn_of_select(int fd) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
