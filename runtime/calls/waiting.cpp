// SPDX-License-Identifier: BSL-1.0
// See in_task.hpp.
#include "in_task.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace coir::inline v0::detail::calls {
namespace {

constexpr int calls_per_turn = 64;
constexpr unsigned most_futile = 3;
constexpr Nanoseconds unix_look_interval = std::chrono::milliseconds(100);

// Of the thread: a task that suspends otherwise than here only gets its turn earlier.
[[gnu::tls_model("initial-exec")]] constinit thread_local int calls_left = calls_per_turn;

// What a sender that waits in the kernel is told first: a unix socket would say EPIPE if it were
// asked to send again. 0: it is not a socket, or nothing is wrong (any more).
long pending_error(Sys& sys, int fd) noexcept {
    int error = 0;
    return sys.getsockopt(fd, SOL_SOCKET, SO_ERROR, &error) == 0 ? -error : 0;
}

}  // namespace

long to_error(Woken woken) noexcept {
    switch (woken) {
        case Woken::timeout: return -EAGAIN;
        case Woken::cancelled: return -ECANCELED;
        case Woken::closed: return -EBADF;
        case Woken::no_memory: return -ENOMEM;
        case Woken::interrupted: return -EINTR;
        case Woken::event: break;
    }
    return 0;
}

void did_not_suspend(Scheduler& loop) noexcept {
    if (--calls_left > 0) [[likely]] return;
    calls_left = calls_per_turn;
    hooks::yield(loop);  // keeps the task's errno
}

long status_flags(Sys& sys, int fd) noexcept { return sys.fcntl(fd, F_GETFL); }

bool is_nonblocking(Sys& sys, int fd) noexcept {
    const long flags = status_flags(sys, fd);
    return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

TimePoint socket_deadline(Sys& sys, int fd, int option) noexcept {
    timeval limit{};
    socklen_t size = sizeof limit;
    const long error = sys(SYS_getsockopt, fd, SOL_SOCKET, option, &limit, &size);
    if (error < 0 || (limit.tv_sec == 0 && limit.tv_usec == 0)) return coir::never;
    constexpr time_t longest = 1'000'000'000;  // thirty years
    return coir::saturating_add(sys.now(),
                                std::chrono::seconds(std::min(limit.tv_sec, longest)) +
                                    std::chrono::microseconds(limit.tv_usec));
}

bool is_file(Sys& sys, int fd) noexcept {
    struct stat info;
    // An error: the call itself will tell why.
    if (sys(SYS_newfstatat, fd, "", &info, AT_EMPTY_PATH) < 0) return true;
    return S_ISREG(info.st_mode) || S_ISDIR(info.st_mode) || S_ISBLK(info.st_mode);
}

bool is_stream(Sys& sys, int fd) noexcept {
    int type = 0;
    return sys.getsockopt(fd, SOL_SOCKET, SO_TYPE, &type) == 0 && type == SOCK_STREAM;
}

void prepare_poll(hooks::WaitOperation& operation, int fd, short events) noexcept {
    unsigned wanted = static_cast<unsigned short>(events);
    if (wanted & (POLLRDNORM | POLLRDBAND)) wanted |= POLLIN;
    if (wanted & (POLLWRNORM | POLLWRBAND)) wanted |= POLLOUT;
    operation.code = coir::OpCode::poll;
    operation.fd = fd;
    operation.flags = wanted;
}

Nanoseconds pause_after(unsigned futile) noexcept {
    if (futile <= most_futile) return Nanoseconds(0);
    return std::chrono::milliseconds(std::min(futile - most_futile, 10u));
}

Woken rest(Scheduler& loop, TimePoint until, const char* what,
           Interruptible interruptible) noexcept {
    return hooks::wait_any(loop, nullptr, 0, until, what, interruptible);
}

bool Waiting::nonblocking() noexcept {
    if (!flags_known_) {
        flags_known_ = true;
        nonblocking_ = is_nonblocking(hooks::sys(loop_), fd_);
    }
    return nonblocking_;
}

void Waiting::look_at_socket() noexcept {
    if (deadline_known_) return;
    deadline_known_ = true;
    if (timeout_option_ == 0) return;
    Sys& sys = hooks::sys(loop_);
    deadline_ = socket_deadline(sys, fd_, timeout_option_);
    int domain = 0;
    unix_sender_ = timeout_option_ == SO_SNDTIMEO &&
                   sys.getsockopt(fd_, SOL_SOCKET, SO_DOMAIN, &domain) == 0 && domain == AF_UNIX;
}

// A unix socket does not become ready when its own sending side is shut down: look now and then.
Woken Waiting::wait_for_readiness(hooks::WaitOperation& operation) noexcept {
    Sys& sys = hooks::sys(loop_);
    const TimePoint began = sys.now();
    const TimePoint look =
        unix_sender_ ? coir::saturating_add(began, unix_look_interval) : coir::never;
    prepare_poll(operation, fd_, events_);
    Woken woken = hooks::wait_any(loop_, &operation, 1, std::min(deadline_, look), what_,
                                  interruptible());
    if (woken == Woken::timeout && look < deadline_) woken = Woken::event;
    // A wait that took its time was not futile.
    if (sys.now() - began > std::chrono::microseconds(200)) futile_ = 0;
    return woken;
}

// With a timeout the kernel does not go on after a handler, whatever it was installed with.
Interruptible Waiting::interruptible() const noexcept {
    return deadline_ != coir::never ? Interruptible::always : Interruptible::restarts;
}

void Waiting::begin() noexcept {
    look_at_socket();
    suspended_ = true;
    calls_left = calls_per_turn;
}

long Waiting::carry_out(const hooks::WaitOperation& call) noexcept {
    begin();
    for (;;) {
        hooks::WaitOperation operation = call;
        const Woken woken =
            hooks::wait_any(loop_, &operation, 1, deadline_, what_, interruptible());
        // What has been received is nobody else's any more, even if the descriptor is gone.
        if (woken == Woken::closed && operation.result > 0) return operation.result;
        if (woken != Woken::event) return to_error(woken);
        if (operation.result != -ECANCELED && operation.result != -EINTR) return operation.result;
    }
}

long Waiting::wait() noexcept {
    if (nonblocking()) return -EAGAIN;
    begin();
    Sys& sys = hooks::sys(loop_);
    ++futile_;  // if the next try has a result, nobody will ask again
    const Nanoseconds pause = pause_after(futile_);
    hooks::WaitOperation operation;
    Woken woken;
    if (pause.count() > 0) {
        const TimePoint until = coir::saturating_add(sys.now(), pause);
        woken = rest(loop_, std::min(until, deadline_), what_, interruptible());
        if (woken == Woken::timeout && until < deadline_) return 0;
    } else {
        woken = wait_for_readiness(operation);
    }
    if (woken != Woken::event) return to_error(woken);
    if (operation.result > 0 && (operation.result & POLLERR) != 0 && events_ == POLLOUT) {
        return pending_error(sys, fd_);
    }
    const bool failed = operation.result < 0 && operation.result != -EAGAIN &&
                        operation.result != -ECANCELED;
    return failed ? operation.result : 0;
}

}  // namespace coir::inline v0::detail::calls
