// SPDX-License-Identifier: BSL-1.0
#include "interrupt.hpp"

#include "command.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include <sys/signalfd.h>
#include <unistd.h>

namespace coir_tool {

InterruptWatch::InterruptWatch() {
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &taken, &before_);
    fd_ = ::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd_ < 0) {
        const int error = errno;
        ::sigprocmask(SIG_SETMASK, &before_, nullptr);
        throw CommandError(exit_failure, std::string("signalfd: ") + std::strerror(error));
    }
}

InterruptWatch::~InterruptWatch() {
    // One that came just now and was not looked at ends the process here, as it should; but not the
    // second of somebody impatient, before what is there has been printed.
    signalfd_siginfo info;
    while (interrupted_ && ::read(fd_, &info, sizeof info) > 0) {
    }
    ::close(fd_);
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

void InterruptWatch::check() {
    signalfd_siginfo info;
    if (::read(fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
    interrupted_ = true;
    throw InterruptedBySignal{static_cast<int>(info.ssi_signo)};
}

void InterruptWatch::release_in_child() noexcept {
    ::close(fd_);
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace coir_tool
