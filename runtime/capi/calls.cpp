// SPDX-License-Identifier: BSL-1.0
// coir_read() and so on: in a task what calls/ does, elsewhere the call itself.
#include "../calls/in_task.hpp"

#include <coir/coir.h>
#include <coir/legacy.hpp>

#include <sched.h>
#include <threads.h>

namespace calls = coir::detail::calls;
using coir::detail::real_sys;
using coir::detail::Scheduler;
using coir::detail::legacy::suspendable;

#define COIR_ARGUMENTS(...) __VA_OPT__(, ) __VA_ARGS__
#define COIR_CALL(result, name, parameters, arguments)                                     \
    result coir_##name parameters {                                                        \
        Scheduler* loop = suspendable();                                                   \
        if (!loop) return calls::direct::name(real_sys() COIR_ARGUMENTS arguments);        \
        return calls::in_task::name(*loop COIR_ARGUMENTS arguments);                       \
    }

extern "C" {

// clang-format off
COIR_CALL(ssize_t, read, (int fd, void* buffer, size_t size), (fd, buffer, size))
COIR_CALL(ssize_t, readv, (int fd, const iovec* pieces, int count), (fd, pieces, count))
COIR_CALL(ssize_t, write, (int fd, const void* data, size_t size), (fd, data, size))
COIR_CALL(ssize_t, writev, (int fd, const iovec* pieces, int count), (fd, pieces, count))
COIR_CALL(ssize_t, recv, (int fd, void* buffer, size_t size, int flags), (fd, buffer, size, flags))
COIR_CALL(ssize_t, recvfrom, (int fd, void* buffer, size_t size, int flags, sockaddr* address, socklen_t* length), (fd, buffer, size, flags, address, length))
COIR_CALL(ssize_t, recvmsg, (int fd, msghdr* message, int flags), (fd, message, flags))
COIR_CALL(int, recvmmsg, (int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout), (fd, messages, count, flags, timeout))
COIR_CALL(ssize_t, send, (int fd, const void* data, size_t size, int flags), (fd, data, size, flags))
COIR_CALL(ssize_t, sendto, (int fd, const void* data, size_t size, int flags, const sockaddr* address, socklen_t length), (fd, data, size, flags, address, length))
COIR_CALL(ssize_t, sendmsg, (int fd, const msghdr* message, int flags), (fd, message, flags))
COIR_CALL(int, sendmmsg, (int fd, mmsghdr* messages, unsigned count, int flags), (fd, messages, count, flags))
COIR_CALL(int, connect, (int fd, const sockaddr* address, socklen_t length), (fd, address, length))
COIR_CALL(int, accept, (int fd, sockaddr* address, socklen_t* length), (fd, address, length))
COIR_CALL(int, accept4, (int fd, sockaddr* address, socklen_t* length, int flags), (fd, address, length, flags))
COIR_CALL(int, poll, (pollfd* fds, unsigned long count, int timeout), (fds, count, timeout))
COIR_CALL(int, ppoll, (pollfd* fds, unsigned long count, const timespec* timeout, const sigset_t* mask), (fds, count, timeout, mask))
COIR_CALL(int, select, (int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* timeout), (count, readable, writable, exceptional, timeout))
COIR_CALL(int, pselect, (int count, fd_set* readable, fd_set* writable, fd_set* exceptional, const timespec* timeout, const sigset_t* mask), (count, readable, writable, exceptional, timeout, mask))
COIR_CALL(int, epoll_wait, (int fd, epoll_event* events, int most, int timeout), (fd, events, most, timeout))
COIR_CALL(int, epoll_pwait, (int fd, epoll_event* events, int most, int timeout, const sigset_t* mask), (fd, events, most, timeout, mask))
COIR_CALL(int, epoll_pwait2, (int fd, epoll_event* events, int most, const timespec* timeout, const sigset_t* mask), (fd, events, most, timeout, mask))
COIR_CALL(int, clock_nanosleep, (int clock, int flags, const timespec* duration, timespec* left), (clock, flags, duration, left))
// clang-format on

// The loop must learn of it outside tasks, too.
int coir_close(int fd) {
    Scheduler* loop = coir::detail::legacy::loop_here();
    return loop ? calls::in_task::close(*loop, fd) : calls::direct::close(real_sys(), fd);
}

unsigned coir_sleep(unsigned seconds) {
    if (Scheduler* loop = suspendable()) return calls::in_task::sleep(*loop, seconds);
    const timespec duration{static_cast<time_t>(seconds), 0};
    timespec left{};
    const int error = calls::direct::clock_nanosleep(real_sys(), CLOCK_REALTIME, 0, &duration, &left);
    if (error == 0) return 0;
    errno = error;
    return static_cast<unsigned>(left.tv_sec) + (left.tv_nsec > 0 ? 1 : 0);
}

int coir_usleep(unsigned microseconds) {
    if (Scheduler* loop = suspendable()) return calls::in_task::usleep(*loop, microseconds);
    const timespec duration{static_cast<time_t>(microseconds / 1'000'000),
                            static_cast<long>(microseconds % 1'000'000) * 1000};
    return coir_nanosleep(&duration, nullptr);
}

int coir_nanosleep(const timespec* duration, timespec* left) {
    if (Scheduler* loop = suspendable()) return calls::in_task::nanosleep(*loop, duration, left);
    const int error = calls::direct::clock_nanosleep(real_sys(), CLOCK_REALTIME, 0, duration, left);
    return error == 0 ? 0 : calls::fail(error);
}

int coir_thrd_sleep(const timespec* duration, timespec* left) {
    if (Scheduler* loop = suspendable()) return calls::in_task::thrd_sleep(*loop, duration, left);
    const int error = calls::direct::clock_nanosleep(real_sys(), CLOCK_REALTIME, 0, duration, left);
    if (error == 0) return 0;
    return error == EINTR ? -1 : -2;
}

int coir_sched_yield(void) {
    if (Scheduler* loop = suspendable()) return calls::in_task::sched_yield(*loop);
    return calls::direct::number(real_sys(), SYS_sched_yield);
}

int coir_pthread_yield(void) { return coir_sched_yield(); }

void coir_thrd_yield(void) { static_cast<void>(coir_sched_yield()); }

}  // extern "C"

#undef COIR_ARGUMENTS
#undef COIR_CALL
