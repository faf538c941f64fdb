// SPDX-License-Identifier: BSL-1.0
// See fd_passing.hpp.
#include "fd_passing.hpp"

#include <cstring>
#include <stdexcept>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {

void require_fd_count(std::size_t count) {
    if (count <= most_fds) return;
    throw std::invalid_argument("coir: " + std::to_string(count) +
                                " descriptors in one message; at most 253 are possible");
}

FdMessage::FdMessage(iovec* pieces, std::size_t count) noexcept {
    header_.msg_iov = pieces;
    header_.msg_iovlen = count;
}

void FdMessage::put(std::span<const int> fds) noexcept {
    if (fds.empty()) return;
    std::memset(control_, 0, CMSG_SPACE(fds.size_bytes()));
    header_.msg_control = control_;
    header_.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* first = CMSG_FIRSTHDR(&header_);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(first), fds.data(), fds.size_bytes());
}

void FdMessage::make_room(std::size_t count) noexcept {
    if (count == 0) return;
    header_.msg_control = control_;
    // Not CMSG_SPACE: its padding would be room for one more.
    header_.msg_controllen = CMSG_LEN(count * sizeof(int));
}

void FdMessage::take(Sys& sys, ReceivedFds& received) {
    received.truncated = (header_.msg_flags & MSG_CTRUNC) != 0;
    for (cmsghdr* part = CMSG_FIRSTHDR(&header_); part; part = CMSG_NXTHDR(&header_, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        const unsigned char* at = CMSG_DATA(part);
        std::size_t next = 0;
        try {
            received.fds.reserve(received.fds.size() + count);
        } catch (...) {
            for (; next < count; ++next) {
                int fd;
                std::memcpy(&fd, at + next * sizeof fd, sizeof fd);
                sys.close(fd);
            }
            throw;
        }
        for (; next < count; ++next) {
            int fd;
            std::memcpy(&fd, at + next * sizeof fd, sizeof fd);
            received.fds.emplace_back(fd);
        }
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
