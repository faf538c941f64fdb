// SPDX-License-Identifier: BSL-1.0
// Streams and sockets, waiting for descriptors, their life, and time. See symbols.hpp.
#pragma once

// clang-format off
#define COIR_LEGACY_STREAM_SYMBOLS(X) \
    X(read, io, SYS_read, ssize_t, (int fd, void* buffer, size_t size), (fd, buffer, size)) \
    X(__read_chk, io, -1, ssize_t, (int fd, void* buffer, size_t size, size_t room), (fd, buffer, size, room)) \
    X(readv, io, SYS_readv, ssize_t, (int fd, const iovec* pieces, int count), (fd, pieces, count)) \
    X(write, io, SYS_write, ssize_t, (int fd, const void* data, size_t size), (fd, data, size)) \
    X(writev, io, SYS_writev, ssize_t, (int fd, const iovec* pieces, int count), (fd, pieces, count)) \
    X(recv, io, -1, ssize_t, (int fd, void* buffer, size_t size, int flags), (fd, buffer, size, flags)) \
    X(__recv_chk, io, -1, ssize_t, (int fd, void* buffer, size_t size, size_t room, int flags), (fd, buffer, size, room, flags)) \
    X(recvfrom, io, SYS_recvfrom, ssize_t, (int fd, void* buffer, size_t size, int flags, sockaddr* address, socklen_t* length), (fd, buffer, size, flags, address, length)) \
    X(__recvfrom_chk, io, -1, ssize_t, (int fd, void* buffer, size_t size, size_t room, int flags, sockaddr* address, socklen_t* length), (fd, buffer, size, room, flags, address, length)) \
    X(recvmsg, io, SYS_recvmsg, ssize_t, (int fd, msghdr* message, int flags), (fd, message, flags)) \
    X(recvmmsg, io, SYS_recvmmsg, int, (int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout), (fd, messages, count, flags, timeout)) \
    X(send, io, -1, ssize_t, (int fd, const void* data, size_t size, int flags), (fd, data, size, flags)) \
    X(sendto, io, SYS_sendto, ssize_t, (int fd, const void* data, size_t size, int flags, const sockaddr* address, socklen_t length), (fd, data, size, flags, address, length)) \
    X(sendmsg, io, SYS_sendmsg, ssize_t, (int fd, const msghdr* message, int flags), (fd, message, flags)) \
    X(sendmmsg, io, SYS_sendmmsg, int, (int fd, mmsghdr* messages, unsigned count, int flags), (fd, messages, count, flags)) \
    X(connect, io, SYS_connect, int, (int fd, const sockaddr* address, socklen_t length), (fd, address, length)) \
    X(accept, io, -1, int, (int fd, sockaddr* address, socklen_t* length), (fd, address, length)) \
    X(accept4, io, SYS_accept4, int, (int fd, sockaddr* address, socklen_t* length, int flags), (fd, address, length, flags))

#define COIR_LEGACY_POLL_SYMBOLS(X) \
    X(poll, io, -1, int, (pollfd* fds, nfds_t count, int timeout), (fds, count, timeout)) \
    X(__poll_chk, io, -1, int, (pollfd* fds, nfds_t count, int timeout, size_t room), (fds, count, timeout, room)) \
    X(ppoll, io, -1, int, (pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask), (fds, count, timeout, mask)) \
    X(__ppoll_chk, io, -1, int, (pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask, size_t room), (fds, count, timeout, mask, room)) \
    X(select, io, -1, int, (int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* timeout), (count, readable, writable, exceptional, timeout)) \
    X(pselect, io, -1, int, (int count, fd_set* readable, fd_set* writable, fd_set* exceptional, const timespec* timeout, const sigset_t* mask), (count, readable, writable, exceptional, timeout, mask)) \
    X(epoll_wait, io, -1, int, (int fd, epoll_event* events, int most, int timeout), (fd, events, most, timeout)) \
    X(epoll_pwait, io, -1, int, (int fd, epoll_event* events, int most, int timeout, const sigset_t* mask), (fd, events, most, timeout, mask)) \
    X(epoll_pwait2, io, -1, int, (int fd, epoll_event* events, int most, const timespec* timeout, const sigset_t* mask), (fd, events, most, timeout, mask))

#define COIR_LEGACY_TIME_SYMBOLS(X) \
    X(sleep, sleep, -1, unsigned, (unsigned seconds), (seconds)) \
    X(usleep, sleep, -1, int, (useconds_t microseconds), (microseconds)) \
    X(nanosleep, sleep, SYS_nanosleep, int, (const timespec* duration, timespec* left), (duration, left)) \
    X(clock_nanosleep, sleep, -1, int, (clockid_t clock, int flags, const timespec* duration, timespec* left), (clock, flags, duration, left)) \
    X(thrd_sleep, sleep, -1, int, (const timespec* duration, timespec* left), (duration, left)) \
    X(sched_yield, sleep, SYS_sched_yield, int, (), ()) \
    X(pthread_yield, sleep, SYS_sched_yield, int, (), ()) \
    X(thrd_yield, sleep, -1, void, (), ())

// What ends a descriptor, so that its waiters do not wait for what took its number. What begins one
// needs no line here: nothing is remembered of descriptors, every call asks the kernel anew.
#define COIR_LEGACY_LIFE_SYMBOLS(X) \
    X(close, life, SYS_close, int, (int fd), (fd)) \
    X(dup2, life, -1, int, (int fd, int target), (fd, target)) \
    X(dup3, life, SYS_dup3, int, (int fd, int target, int flags), (fd, target, flags)) \
    X(close_range, life, SYS_close_range, int, (unsigned first, unsigned last, int flags), (first, last, flags)) \
    X(closefrom, life, -1, void, (int first), (first)) \
    X(fclose, life, -1, int, (FILE* file), (file)) \
    X(mq_close, life, SYS_close, int, (mqd_t queue), (queue))

#define COIR_LEGACY_HELPER_SYMBOLS(X) \
    X(eventfd_read, io, -1, int, (int fd, eventfd_t* value), (fd, value)) \
    X(eventfd_write, io, -1, int, (int fd, eventfd_t value), (fd, value)) \
    X(vsyslog, io, -1, void, (int priority, const char* format, va_list arguments), (priority, format, arguments)) \
    X(__vsyslog_chk, io, -1, void, (int priority, int check, const char* format, va_list arguments), (priority, check, format, arguments))
// clang-format on
