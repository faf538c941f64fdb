// SPDX-License-Identifier: BSL-1.0
// The other side of a row: descriptors that coir knows nothing of, and calls that do not wait.
#pragma once

#include <coir/address.hpp>

#include <string>
#include <utility>
#include <vector>

namespace coir_matrix {

/// A descriptor of the other side.
class Peer {
public:
    Peer() noexcept = default;
    explicit Peer(int fd) noexcept : fd_(fd) {}
    Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Peer& operator=(Peer&& other) noexcept {
        if (this != &other) close();
        fd_ = std::exchange(other.fd_, -1);
        return *this;
    }
    ~Peer() { close(); }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void close() noexcept;
    /// Closes a TCP socket with a reset.
    void reset() noexcept;
    /// Writes without waiting; nothing happens when there is no room.
    void write(const std::string& text) const noexcept;
    /// Reads all that there is.
    void drain() const noexcept;

private:
    int fd_ = -1;
};

/// Ours, blocking, and the other side's, non-blocking. std::system_error when it cannot be had.
std::pair<Peer, Peer> tcp_pair();
std::pair<Peer, Peer> unix_pair();
/// A TCP listener on a port of its own.
Peer tcp_listener(int backlog, coir::Address& address);
/// A connection that is begun, not more.
Peer begin_connect(const coir::Address& address);
/// Writes to `fd` until it would wait, whatever its flags are.
void fill_up(int fd) noexcept;
void set_blocking(int fd, bool blocking) noexcept;
/// Throws std::system_error for a result below 0.
int checked(int result, const char* call);

}  // namespace coir_matrix
