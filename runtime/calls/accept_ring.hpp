// SPDX-License-Identifier: BSL-1.0
// accept4() that does not wait although the listener is a blocking one.
#pragma once

#include <coir/detail/sys.hpp>

namespace coir::inline v0::detail::calls {

/// A connection if there is one, -EAGAIN if there is none, -ENOSYS when this kernel has no such
/// call (IORING_ACCEPT_DONTWAIT came with Linux 6.10), else the error of accept4(). Any thread.
long accept_without_waiting(coir::detail::Sys& sys, int fd, sockaddr* address, socklen_t* length,
                            int flags) noexcept;

}  // namespace coir::inline v0::detail::calls
