// SPDX-License-Identifier: BSL-1.0
// connect, accept, accept4 in a task.
//
// Facts:
// - No flag keeps connect() from waiting. io_uring can do without; elsewhere O_NONBLOCK is set
//   around the one call. The socket is fresh, so that nobody else can see it.
// - After a connect() that did not wait, a second one says how it went and leaves the socket in the
//   state that programs expect.
// - A unix listener with a full queue answers EAGAIN and never becomes "writable": pauses do.
// - accept() on a blocking listener could wait although poll() has said ready: another process may
//   have been quicker. io_uring has an accept that does not wait (accept_ring.hpp).
#include "accept_ring.hpp"
#include "in_task.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace coir::inline v0::detail::calls {
namespace {

long connect_now(Sys& sys, int fd, long flags, const sockaddr* address, socklen_t length) noexcept {
    sys.fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    const long result = sys(SYS_connect, fd, address, length);
    sys.fcntl(fd, F_SETFL, flags);
    return result;
}

// What libc says when the wait for a connection ends without one.
long connect_error(Woken woken) noexcept {
    return woken == Woken::timeout ? -EINPROGRESS : to_error(woken);
}

long connect_by_readiness(Scheduler& loop, int fd, long flags, const sockaddr* address,
                          socklen_t length, TimePoint deadline) noexcept {
    Sys& sys = hooks::sys(loop);
    bool begun = false;
    bool under_way = false;  // since an earlier call
    for (unsigned pause = 1;; pause = std::min(pause + 1, 10u)) {
        const long result = connect_now(sys, fd, flags, address, length);
        if (result == -EISCONN && begun) return 0;
        const bool full = result == -EAGAIN;
        const bool on_its_way = result == -EINPROGRESS || result == -EALREADY || result == -EINTR;
        if (!full && !on_its_way) return result;
        Woken woken;
        if (full) {
            const TimePoint until =
                coir::saturating_add(sys.now(), std::chrono::milliseconds(pause));
            woken = rest(loop, std::min(until, deadline), "connect");
            if (woken == Woken::timeout && until >= deadline) return -EAGAIN;
            if (woken == Woken::timeout) continue;
        } else {
            under_way = under_way || (!begun && result == -EALREADY);
            begun = true;
            hooks::WaitOperation operation;
            prepare_poll(operation, fd, POLLOUT);
            woken = hooks::wait_any(loop, &operation, 1, deadline, "connect", Interruptible::restarts);
            if (woken == Woken::timeout && under_way) return -EALREADY;
        }
        if (const long error = connect_error(woken); error < 0) return error;
    }
}

// Whether a connect() of earlier is under way.
bool is_connecting(Sys& sys, int fd) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    return sys(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           info.tcpi_state == TCP_SYN_SENT;
}

// An attempt that came to an end in the network. After it, connect() makes the socket as good as
// new, but io_uring does not.
bool has_failed_late(long result) noexcept {
    switch (-result) {
        case ECONNREFUSED:
        case ECONNRESET:
        case ETIMEDOUT:
        case EHOSTUNREACH:
        case ENETUNREACH: return true;
        default: return false;
    }
}

long connect_natively(Scheduler& loop, int fd, const sockaddr* address, socklen_t length,
                      TimePoint deadline) noexcept {
    hooks::WaitOperation operation;
    operation.code = coir::OpCode::connect;
    operation.fd = fd;
    operation.address = const_cast<sockaddr*>(address);
    operation.address_length = length;
    Sys& sys = hooks::sys(loop);
    const bool under_way = deadline != coir::never && is_connecting(sys, fd);
    const Woken woken = hooks::wait_any(loop, &operation, 1, deadline, "connect", Interruptible::restarts);
    if (woken == Woken::timeout && address->sa_family == AF_UNIX) return -EAGAIN;
    if (woken == Woken::timeout && under_way) return -EALREADY;
    if (woken != Woken::event) return connect_error(woken);
    if (has_failed_late(operation.result)) {
        const sockaddr nobody{AF_UNSPEC, {}};
        sys(SYS_connect, fd, &nobody, sizeof nobody);
    }
    return operation.result;
}

// Takes a connection if there is one. -EAGAIN: there is none.
long accept_now(Sys& sys, int fd, sockaddr* address, socklen_t* length, int flags) noexcept {
    long result = accept_without_waiting(sys, fd, address, length, flags);
    if (result != -ENOSYS) return result;
    pollfd one{fd, POLLIN, 0};
    timespec zero{0, 0};
    if (sys(SYS_ppoll, &one, 1, &zero, nullptr, 0) == 0) return -EAGAIN;
    return sys(SYS_accept4, fd, address, length, flags);
}

}  // namespace

namespace in_task {

int connect(Scheduler& loop, int fd, const sockaddr* address, socklen_t length) {
    Sys& sys = hooks::sys(loop);
    const long flags = status_flags(sys, fd);
    int type = 0;
    const bool waits = flags >= 0 && (flags & O_NONBLOCK) == 0 && address != nullptr &&
                       length >= sizeof address->sa_family &&
                       sys.getsockopt(fd, SOL_SOCKET, SO_TYPE, &type) == 0 && type != SOCK_DGRAM;
    if (!waits) {
        did_not_suspend(loop);
        return direct::connect(hooks::sys(loop), fd, address, length);
    }
    if (hooks::cancel_asked(loop)) return fail(ECANCELED);
    const TimePoint deadline = socket_deadline(sys, fd, SO_SNDTIMEO);
    return static_cast<int>(
        to_libc(hooks::readiness_only(loop)
                    ? connect_by_readiness(loop, fd, flags, address, length, deadline)
                    : connect_natively(loop, fd, address, length, deadline)));
}

int accept(Scheduler& loop, int fd, sockaddr* address, socklen_t* length) {
    return in_task::accept4(loop, fd, address, length, 0);
}

int accept4(Scheduler& loop, int fd, sockaddr* address, socklen_t* length, int flags) {
    Sys& sys = hooks::sys(loop);
    int listening = 0;
    const long error = sys.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening);
    if (error < 0 || listening == 0 || is_nonblocking(sys, fd)) {
        did_not_suspend(loop);
        return direct::accept4(hooks::sys(loop), fd, address, length, flags);
    }
    Waiting waiting(loop, fd, POLLIN, SO_RCVTIMEO, "accept");
    for (;;) {
        long result = accept_now(sys, fd, address, length, flags);
        if (result == -EINTR) continue;
        if (result == -EAGAIN) {
            result = waiting.wait();
            if (result == 0) continue;
        }
        if (!waiting.suspended()) did_not_suspend(loop);
        return static_cast<int>(to_libc(result));
    }
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
