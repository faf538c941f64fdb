// SPDX-License-Identifier: BSL-1.0
// Where another thread of this process is, seen from outside and without disturbing it: in which
// system call it waits, and what its stack looks like.
#pragma once

#include <string>

#include <sys/types.h>

namespace coir {
inline namespace v0 {
namespace detail {

/// "it waits in read at ...", with a line for each function as far as it can be told: return addresses
/// that lie on the stack, some of which may be left over from earlier calls. "it computes", or nothing
/// is known, where the kernel does not show more.
std::string describe_place(pid_t thread);

}  // namespace detail
}  // namespace v0
}  // namespace coir
