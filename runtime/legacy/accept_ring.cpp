// SPDX-License-Identifier: BSL-1.0
// See accept_ring.hpp.
#include "accept_ring.hpp"

#include <cerrno>

namespace coir_legacy {

long accept_without_waiting(coir::detail::Sys&, int, sockaddr*, socklen_t*, int) noexcept {
    return -ENOSYS;
}

}  // namespace coir_legacy
