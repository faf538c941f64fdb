// SPDX-License-Identifier: BSL-1.0
// The calls themselves, with libc's conventions: for what needs no waiting in a task, and for calls
// outside of one, which block the thread as libc's do.
#pragma once

#include <coir/detail/sys.hpp>

#include <cerrno>

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

namespace coir::inline v0::detail::calls {

/// A result of libc's kind from one of the kernel's kind: sets errno for errors only.
inline long to_libc(long result) noexcept {
    if (result >= 0) [[likely]] return result;
    errno = static_cast<int>(-result);
    return -1;
}

/// Sets errno and returns -1.
inline int fail(int error) noexcept {
    errno = error;
    return -1;
}

/// The size of the kernel's signal sets.
inline constexpr std::size_t mask_size = _NSIG / 8;

namespace direct {

template <class... Args>
int number(Sys& sys, long call, Args... args) noexcept {
    return static_cast<int>(to_libc(sys(call, args...)));
}

inline ssize_t read(Sys& sys, int fd, void* buffer, size_t size) noexcept {
    return to_libc(sys.read(fd, buffer, size));
}
inline ssize_t readv(Sys& sys, int fd, const iovec* pieces, int count) noexcept {
    return to_libc(sys(SYS_readv, fd, pieces, count));
}
inline ssize_t write(Sys& sys, int fd, const void* data, size_t size) noexcept {
    return to_libc(sys.write(fd, data, size));
}
inline ssize_t writev(Sys& sys, int fd, const iovec* pieces, int count) noexcept {
    return to_libc(sys(SYS_writev, fd, pieces, count));
}
inline ssize_t recvfrom(Sys& sys, int fd, void* buffer, size_t size, int flags, sockaddr* address,
                        socklen_t* length) noexcept {
    return to_libc(sys(SYS_recvfrom, fd, buffer, size, flags, address, length));
}
inline ssize_t recv(Sys& sys, int fd, void* buffer, size_t size, int flags) noexcept {
    return recvfrom(sys, fd, buffer, size, flags, nullptr, nullptr);
}
inline ssize_t recvmsg(Sys& sys, int fd, msghdr* message, int flags) noexcept {
    return to_libc(sys(SYS_recvmsg, fd, message, flags));
}
inline int recvmmsg(Sys& sys, int fd, mmsghdr* messages, unsigned count, int flags,
                    timespec* timeout) noexcept {
    return number(sys, SYS_recvmmsg, fd, messages, count, flags, timeout);
}
inline ssize_t sendto(Sys& sys, int fd, const void* data, size_t size, int flags,
                      const sockaddr* address, socklen_t length) noexcept {
    return to_libc(sys(SYS_sendto, fd, data, size, flags, address, length));
}
inline ssize_t send(Sys& sys, int fd, const void* data, size_t size, int flags) noexcept {
    return sendto(sys, fd, data, size, flags, nullptr, 0);
}
inline ssize_t sendmsg(Sys& sys, int fd, const msghdr* message, int flags) noexcept {
    return to_libc(sys(SYS_sendmsg, fd, message, flags));
}
inline int sendmmsg(Sys& sys, int fd, mmsghdr* messages, unsigned count, int flags) noexcept {
    return number(sys, SYS_sendmmsg, fd, messages, count, flags);
}
inline int connect(Sys& sys, int fd, const sockaddr* address, socklen_t length) noexcept {
    return number(sys, SYS_connect, fd, address, length);
}
inline int accept4(Sys& sys, int fd, sockaddr* address, socklen_t* length, int flags) noexcept {
    return number(sys, SYS_accept4, fd, address, length, flags);
}
inline int accept(Sys& sys, int fd, sockaddr* address, socklen_t* length) noexcept {
    return accept4(sys, fd, address, length, 0);
}
inline int close(Sys& sys, int fd) noexcept { return static_cast<int>(to_libc(sys.close(fd))); }

// The kernel writes the time that is left into its argument; of these, only select's caller wants it.
inline int ppoll(Sys& sys, pollfd* fds, nfds_t count, const timespec* timeout,
                 const sigset_t* mask) noexcept {
    timespec copy = timeout ? *timeout : timespec{};
    return number(sys, SYS_ppoll, fds, count, timeout ? &copy : nullptr, mask, mask_size);
}
inline int poll(Sys& sys, pollfd* fds, nfds_t count, int timeout) noexcept {
    const timespec limit{timeout / 1000, timeout % 1000 * 1'000'000L};
    return ppoll(sys, fds, count, timeout < 0 ? nullptr : &limit, nullptr);
}
inline int pselect(Sys& sys, int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
                   const timespec* timeout, const sigset_t* mask) noexcept {
    timespec copy = timeout ? *timeout : timespec{};
    const struct {
        const sigset_t* mask;
        std::size_t size;
    } masking{mask, mask_size};
    return number(sys, SYS_pselect6, count, readable, writable, exceptional,
                  timeout ? &copy : nullptr, &masking);
}
inline int select(Sys& sys, int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
                  timeval* timeout) noexcept {
    timespec copy{};
    if (timeout) copy = {timeout->tv_sec + timeout->tv_usec / 1'000'000,
                         timeout->tv_usec % 1'000'000 * 1000};
    const int result = number(sys, SYS_pselect6, count, readable, writable, exceptional,
                              timeout ? &copy : nullptr, nullptr);
    if (timeout) *timeout = {copy.tv_sec, copy.tv_nsec / 1000};
    return result;
}
inline int epoll_pwait(Sys& sys, int fd, epoll_event* events, int most, int timeout,
                       const sigset_t* mask) noexcept {
    return number(sys, SYS_epoll_pwait, fd, events, most, timeout, mask, mask_size);
}
inline int epoll_wait(Sys& sys, int fd, epoll_event* events, int most, int timeout) noexcept {
    return epoll_pwait(sys, fd, events, most, timeout, nullptr);
}
inline int epoll_pwait2(Sys& sys, int fd, epoll_event* events, int most, const timespec* timeout,
                        const sigset_t* mask) noexcept {
    return number(sys, SYS_epoll_pwait2, fd, events, most, timeout, mask, mask_size);
}

/// Returns the error number, as the function of libc does.
inline int clock_nanosleep(Sys& sys, clockid_t clock, int flags, const timespec* duration,
                           timespec* left) noexcept {
    // As libc has it: the kernel says ENOTSUP.
    if (clock == CLOCK_THREAD_CPUTIME_ID) return EINVAL;
    return static_cast<int>(-sys(SYS_clock_nanosleep, clock, flags, duration, left));
}

}  // namespace direct
}  // namespace coir::inline v0::detail::calls
