// SPDX-License-Identifier: BSL-1.0
// Descriptors that travel in messages of Unix sockets (SCM_RIGHTS).
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <coir/detail/sys.hpp>
#include <coir/socket.hpp>
#include <cstddef>
#include <span>

namespace coir {
inline namespace v0 {
namespace detail {

/// The kernel's own limit for one message (SCM_MAX_FD).
inline constexpr std::size_t most_fds = 253;
/// std::invalid_argument for more than a message can carry.
void require_fd_count(std::size_t count);

/// A message with room for descriptors. Does not move: the header points into it.
class FdMessage {
public:
    FdMessage(iovec* pieces, std::size_t count) noexcept;
    FdMessage(const FdMessage&) = delete;
    FdMessage& operator=(const FdMessage&) = delete;

    msghdr& header() noexcept { return header_; }
    /// Passes these along.
    void put(std::span<const int> fds) noexcept;
    /// Takes up to `count` that come.
    void make_room(std::size_t count) noexcept;
    /// What has come. None is lost, whatever is thrown.
    void take(Sys& sys, ReceivedFds& received);

private:
    msghdr header_{};
    alignas(cmsghdr) char control_[CMSG_SPACE(most_fds * sizeof(int))];
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
