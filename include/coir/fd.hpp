// SPDX-License-Identifier: BSL-1.0
// Fd: an owned file descriptor. wait_fd: waiting for descriptors that belong to somebody else.
#pragma once

#include <coir/detail/config.hpp>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
/// Closes a descriptor; the loop that runs on this thread is told first.
COIR_API void close_fd(int fd) noexcept;
}  // namespace detail

/// Owns a descriptor and closes it. Move-only. Any thread, but a descriptor that a loop has waited
/// on must be closed on that loop's thread.
class COIR_API Fd {
public:
    Fd() noexcept = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    ~Fd() { reset(); }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    /// Gives the descriptor away.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    /// Closes it, and owns `fd` from now on.
    void reset(int fd = -1) noexcept {
        const int old = std::exchange(fd_, fd);
        if (old >= 0) detail::close_fd(old);
    }

private:
    int fd_ = -1;
};

/// Suspends until one of `events` (POLLIN, POLLOUT, POLLPRI, POLLRDHUP of <poll.h>) is true of `fd`
/// and returns those that are, with POLLERR and POLLHUP, which need not be asked for. For anything
/// that poll(2) takes, also descriptors in blocking mode; the descriptor stays its owner's. Throws
/// IoError (EBADF: not an open descriptor), CancelledError, std::invalid_argument for no events.
/// Level-triggered: a second call returns at once while the event is true.
COIR_API COIR_SUSPENDS int wait_fd(int fd, int events);
/// Until a read would not wait: there is data, the end, or an error.
COIR_API COIR_SUSPENDS void wait_readable(int fd);
/// Until a write would not wait: there is room, or an error.
COIR_API COIR_SUSPENDS void wait_writable(int fd);

}  // namespace v0
}  // namespace coir
