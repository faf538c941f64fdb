// SPDX-License-Identifier: BSL-1.0
// See unix_connect.hpp.
#include "unix_connect.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <coir/await.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

long connect_unix_now(Sys& sys, int fd, const Address& to) noexcept {
    const long flags = sys.fcntl(fd, F_GETFL);
    if (flags < 0) return flags;
    const bool blocking = (flags & O_NONBLOCK) == 0;
    if (blocking) sys.fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    long result;
    do {
        result = sys(SYS_connect, fd, to.data(), to.size());
    } while (result == -EINTR);
    if (blocking) sys.fcntl(fd, F_SETFL, flags);
    return result;
}

void ConnectPauses::rest() {
    constexpr Nanoseconds longest = std::chrono::milliseconds(50);
    const Nanoseconds pause = next_;
    next_ = std::min(pause * 2, longest);
    sleep(pause);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
