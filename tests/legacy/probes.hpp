// SPDX-License-Identifier: BSL-1.0
// What the probes of libcoir-legacy share. Everything they call blocking is libc's own function.
#pragma once

#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <chrono>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace legacy_test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Two connected descriptors, closed at the end.
struct Pair {
    explicit Pair(int type = SOCK_STREAM, int family = AF_UNIX) {
        if (::socketpair(family, type, 0, fd) != 0) fd[0] = fd[1] = -1;
    }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() {
        close(0);
        close(1);
    }
    void close(int end) {
        if (fd[end] >= 0) ::close(fd[end]);
        fd[end] = -1;
    }
    int fd[2];
};

struct PipePair {
    PipePair() {
        if (::pipe(fd) != 0) fd[0] = fd[1] = -1;
    }
    PipePair(const PipePair&) = delete;
    PipePair& operator=(const PipePair&) = delete;
    ~PipePair() {
        close(0);
        close(1);
    }
    void close(int end) {
        if (fd[end] >= 0) ::close(fd[end]);
        fd[end] = -1;
    }
    int fd[2];
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

template <class F>
Clock::duration time_of(F&& f) {
    const auto start = Clock::now();
    f();
    return Clock::now() - start;
}

/// A bound on a real clock, wider under sanitizers.
inline Clock::duration at_most(Clock::duration bound) { return bound * coir_test::time_factor(); }

inline bool is_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

/// A task that counts its turns until it is stopped: it shows that the thread is not blocked.
class Turns {
public:
    Turns()
        : task_(coir::create_task([this] {
              while (!stop_) {
                  ++count_;
                  coir::sleep(1ms);
              }
          })) {}
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;
    ~Turns() {
        stop_ = true;
        static_cast<void>(task_.cancel());
    }
    int count() const { return count_; }

private:
    int count_ = 0;
    bool stop_ = false;
    coir::Task<void> task_;
};

}  // namespace legacy_test
