// SPDX-License-Identifier: BSL-1.0
// What the probes share.
#pragma once

#include "../probe.hpp"

#include "../../descriptors.hpp"

#include <cerrno>
#include <cstdint>
#include <csignal>
#include <cstring>
#include <string>

#include <poll.h>
#include <sys/time.h>
#include <sys/un.h>

namespace differential {

using legacy_test::is_blocking;
using legacy_test::Listening;
using legacy_test::Pair;
using legacy_test::PipePair;

/// The time that is waited for in most probes.
inline constexpr auto a_moment = 40ms;

/// SO_RCVTIMEO or SO_SNDTIMEO.
inline int limit_time(int fd, int option, std::chrono::milliseconds limit) {
    const timeval value{limit.count() / 1000, limit.count() % 1000 * 1000};
    return ::setsockopt(fd, SOL_SOCKET, option, &value, sizeof value);
}

inline int set_nonblocking(int fd, bool on) {
    const int flags = ::fcntl(fd, F_GETFL);
    return ::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

/// Writes until a socket, pipe or the like takes no more; returns the bytes.
inline std::size_t fill(int fd) {
    static const std::string data(4096, 'f');
    set_nonblocking(fd, true);
    std::size_t all = 0;
    for (std::size_t size = data.size(); size > 0;) {
        const ssize_t written = ::write(fd, data.data(), size);
        if (written > 0) {
            all += static_cast<std::size_t>(written);
        } else {
            size /= 2;
        }
    }
    set_nonblocking(fd, false);
    return all;
}

/// Reads until there is nothing, or the end; returns the bytes.
inline std::size_t drain(int fd) {
    char buffer[4096];
    std::size_t all = 0;
    set_nonblocking(fd, true);
    for (ssize_t size; (size = ::read(fd, buffer, sizeof buffer)) > 0;) {
        all += static_cast<std::size_t>(size);
    }
    set_nonblocking(fd, false);
    return all;
}

/// What a program should never pass. Through a volatile: compilers see through everything else.
template <class T>
T* bad_memory() {
    static volatile std::uintptr_t address = 8;
    return reinterpret_cast<T*>(address);
}
/// A number that the compiler does not know.
inline int unknown(int value) {
    volatile int hidden = value;
    return hidden;
}

/// Reads `size` bytes in pieces of at most 65536; whether they are what pattern() makes.
bool read_pattern(int fd, std::size_t size, std::size_t piece = 65536);
std::string pattern(std::size_t size);

/// A name in a fresh folder, both removed at the end.
class TemporaryName {
public:
    TemporaryName();
    TemporaryName(const TemporaryName&) = delete;
    ~TemporaryName();
    const char* c_str() const { return name_.c_str(); }
    sockaddr_un unix_address() const;

private:
    std::string folder_;
    std::string name_;
};

/// Counts the deliveries of a signal while it lives.
class Handler {
public:
    explicit Handler(int number, int flags = 0);
    Handler(const Handler&) = delete;
    ~Handler();
    int count() const;

private:
    int number_;
    struct sigaction before_;
};

}  // namespace differential
