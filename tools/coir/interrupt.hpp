// SPDX-License-Identifier: BSL-1.0
// Ctrl-C while children measure: the command stops them, says what it has, and exits with 130.
#pragma once

#include <csignal>

namespace coir_tool {

/// SIGINT or SIGTERM came. Not an error of what was being done.
struct InterruptedBySignal {
    int signo;
};

/// Takes SIGINT and SIGTERM for as long as it lives: they no longer end the process, but make fd()
/// readable. One at a time.
class InterruptWatch {
public:
    InterruptWatch();
    InterruptWatch(const InterruptWatch&) = delete;
    InterruptWatch& operator=(const InterruptWatch&) = delete;
    ~InterruptWatch();

    /// For poll(2).
    int fd() const noexcept { return fd_; }
    /// Throws InterruptedBySignal when one has come.
    void check();
    /// In a forked child: signals have their usual effects again.
    void release_in_child() noexcept;

private:
    sigset_t before_;
    int fd_ = -1;
    bool interrupted_ = false;
};

}  // namespace coir_tool
