// SPDX-License-Identifier: BSL-1.0
// Descriptors for tests of blocking calls, closed at their end.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace legacy_test {

/// Two descriptors, closed at the end; -1 where there is none.
struct TwoDescriptors {
    TwoDescriptors() = default;
    TwoDescriptors(const TwoDescriptors&) = delete;
    TwoDescriptors& operator=(const TwoDescriptors&) = delete;
    ~TwoDescriptors() {
        close(0);
        close(1);
    }
    void close(int end) {
        if (fd[end] >= 0) ::close(fd[end]);
        fd[end] = -1;
    }
    int fd[2] = {-1, -1};
};

struct Pair : TwoDescriptors {
    explicit Pair(int type = SOCK_STREAM, int family = AF_UNIX) {
        if (::socketpair(family, type, 0, fd) != 0) fd[0] = fd[1] = -1;
    }
};

struct PipePair : TwoDescriptors {
    PipePair() {
        if (::pipe(fd) != 0) fd[0] = fd[1] = -1;
    }
};

/// A blocking TCP listener on the loopback.
struct Listening {
    Listening() : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        ok = ::bind(fd, generic(), length) == 0 && ::listen(fd, 64) == 0 &&
             ::getsockname(fd, generic(), &length) == 0;
    }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
    ~Listening() {
        if (fd >= 0) ::close(fd);
    }
    sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address); }
    sockaddr_in address{};
    int fd;
    bool ok = false;
};

inline bool is_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

}  // namespace legacy_test
