// SPDX-License-Identifier: BSL-1.0
// See perform.hpp.
//
// Facts about not waiting on descriptors that may be blocking:
// - sockets have MSG_DONTWAIT; nothing else does.
// - preadv2/pwritev2 with RWF_NOWAIT work on pipes, timerfd, signalfd, eventfd reads and page-cached
//   files; elsewhere they say EOPNOTSUPP, and poll() followed by the plain call has to do.
//   EINVAL is also what a buffer gets that is too small for an eventfd, timerfd or signalfd, and
//   waiting would not change that.
// - a blocking connect() has no such flag: O_NONBLOCK is set around the one call. The socket is
//   fresh, so that nobody else can see it.
// - connect() to a Unix listener whose queue is full says EAGAIN, and the socket counts as writable
//   all the while: waiting for readiness would spin. So that is the result.
// - recv() stops at the urgent byte: with MSG_PEEK, MSG_OOB or urgent data about, less than was
//   asked for is not all that there is.
// - on a Unix stream it also stops behind a message with descriptors, which recv() drops in silence
//   and recvmsg() with MSG_CTRUNC.
#include "perform.hpp"

#include "registry.hpp"

#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/stat.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

std::int32_t narrow(long result) noexcept { return static_cast<std::int32_t>(result); }

[[gnu::noinline]] std::int32_t poll_now(Sys& sys, int fd, short events) noexcept {
    pollfd one{fd, events, 0};
    timespec zero{0, 0};
    const long count = sys(SYS_ppoll, &one, 1, &zero, nullptr, 0);
    if (count < 0) return narrow(count);
    return one.revents;
}

int user_flags(const Operation& operation) noexcept { return static_cast<int>(operation.flags); }

[[gnu::noinline]] std::int32_t read_or_write_now(Sys& sys, Operation& operation) noexcept {
    const bool reads = operation.code == OpCode::read || operation.code == OpCode::readv;
    const bool vector = operation.code == OpCode::readv || operation.code == OpCode::writev;
    iovec one{operation.buffer, operation.size};
    const iovec* pieces = vector ? static_cast<const iovec*>(operation.buffer) : &one;
    const std::size_t count = vector ? operation.size : 1;
    const long low = operation.offset == no_offset ? -1L : static_cast<long>(operation.offset);
    const long result = sys(reads ? SYS_preadv2 : SYS_pwritev2, operation.fd, pieces, count, low, 0L,
                            RWF_NOWAIT);
    if (result != -EOPNOTSUPP && result != -ENOSYS && result != -EINVAL) return narrow(result);
    // No way to ask without waiting: look first. Another reader could still be quicker.
    const std::int32_t events = poll_now(sys, operation.fd, reads ? POLLIN : POLLOUT);
    if (events < 0) return events;
    if (events == 0) return result == -EINVAL ? -EINVAL : -EAGAIN;
    if (operation.offset == no_offset) {
        return narrow(sys(reads ? SYS_readv : SYS_writev, operation.fd, pieces, count));
    }
    return narrow(sys(reads ? SYS_preadv : SYS_pwritev, operation.fd, pieces, count, low, 0L));
}

// Operation::state of a connect.
constexpr std::uint8_t not_begun = 0;
constexpr std::uint8_t in_progress = 1;
constexpr std::uint8_t queue_full = 2;

[[gnu::noinline]] std::int32_t connect_now(Sys& sys, Operation& operation) noexcept {
    const int fd = operation.fd;
    if (operation.state != in_progress) {
        const long flags = sys.fcntl(fd, F_GETFL);
        if (flags < 0) return narrow(flags);
        const bool blocking = (flags & O_NONBLOCK) == 0;
        if (blocking) sys.fcntl(fd, F_SETFL, flags | O_NONBLOCK);
        const long result = sys(SYS_connect, fd, operation.address, operation.address_length);
        if (blocking) sys.fcntl(fd, F_SETFL, flags);
        const bool begun = result == -EINPROGRESS || result == -EALREADY || result == -EINTR;
        operation.state = begun ? in_progress : result == -EAGAIN ? queue_full : not_begun;
        return begun ? -EAGAIN : narrow(result);
    }
    if (poll_now(sys, fd, POLLOUT) == 0) return -EAGAIN;
    // A second connect() says how the first one went, and leaves the socket in the right state.
    const long result = sys(SYS_connect, fd, operation.address, operation.address_length);
    if (result == -EISCONN) return 0;
    if (result == -EALREADY || result == -EINPROGRESS) return -EAGAIN;
    return narrow(result);
}

// A blocking listener could make accept() wait when another process has taken the connection.
[[gnu::noinline]] std::int32_t accept_now(Sys& sys, Operation& operation) noexcept {
    if ((operation.hints & hint_owned) == 0) {
        const std::int32_t events = poll_now(sys, operation.fd, POLLIN);
        if (events < 0) return events;
        if (events == 0) return -EAGAIN;
    }
    return narrow(sys(SYS_accept4, operation.fd, operation.address, operation.address_size,
                      SOCK_CLOEXEC));
}

// What is inlined here is what nearly always happens: the rest would cost it its stack frame.
std::int32_t attempt_once(Sys& sys, Operation& operation) noexcept {
    const int fd = operation.fd;
    const int flags = user_flags(operation) | MSG_DONTWAIT;
    switch (operation.code) {
        case OpCode::recv:
            return receive_now(sys, operation);
        case OpCode::send:
            return narrow(sys(SYS_sendto, fd, operation.buffer, operation.size,
                              flags | MSG_NOSIGNAL, nullptr, 0));
        case OpCode::recvmsg:
            return narrow(sys(SYS_recvmsg, fd, operation.buffer, flags));
        case OpCode::sendmsg:
            return narrow(sys(SYS_sendmsg, fd, operation.buffer, flags | MSG_NOSIGNAL));
        case OpCode::read:
        case OpCode::write:
        case OpCode::readv:
        case OpCode::writev:
            return read_or_write_now(sys, operation);
        case OpCode::accept:
            return accept_now(sys, operation);
        case OpCode::connect:
            return connect_now(sys, operation);
        case OpCode::poll: {
            const std::int32_t events =
                poll_now(sys, fd, static_cast<short>(operation.flags & 0xffff));
            return events == 0 ? -EAGAIN : events;
        }
        default:
            return perform_blocking(operation, sys);
    }
}

}  // namespace

Direction direction_of(OpCode code) noexcept {
    switch (code) {
        case OpCode::recv:
        case OpCode::recvmsg:
        case OpCode::read:
        case OpCode::readv:
        case OpCode::accept:
            return Direction::read;
        case OpCode::send:
        case OpCode::sendmsg:
        case OpCode::write:
        case OpCode::writev:
        case OpCode::connect:
            return Direction::write;
        case OpCode::poll:
            return Direction::poll;
        default:
            return Direction::none;
    }
}

std::int32_t attempt(Sys& sys, Operation& operation) noexcept {
    for (;;) {
        const std::int32_t result = attempt_once(sys, operation);
        if (result != -EINTR) return result;
    }
}

bool is_final(const Operation& operation) noexcept {
    switch (operation.code) {
        case OpCode::connect:
            return operation.state == queue_full;
        case OpCode::recv:
        case OpCode::send:
        case OpCode::recvmsg:
        case OpCode::sendmsg:
            return (operation.flags & MSG_DONTWAIT) != 0;
        default:
            return false;
    }
}

bool is_on_disk(Sys& sys, const Operation& operation) noexcept {
    switch (operation.code) {
        case OpCode::read:
        case OpCode::write:
        case OpCode::readv:
        case OpCode::writev:
            break;
        default:
            return false;
    }
    struct stat status {};
    if (sys(SYS_fstat, operation.fd, &status) < 0) return false;
    return S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
}

bool looks_elsewhere(const Operation& operation) noexcept {
    const bool receives = operation.code == OpCode::recv || operation.code == OpCode::recvmsg;
    return receives && (operation.flags & (MSG_OOB | MSG_PEEK | MSG_ERRQUEUE)) != 0;
}

std::int32_t perform_blocking(const Operation& operation, Sys& sys) noexcept {
    const int fd = operation.fd;
    const bool here = operation.offset == no_offset;
    const long offset = static_cast<long>(operation.offset);
    switch (operation.code) {
        case OpCode::nop:
            return 0;
        case OpCode::read:
            return narrow(here ? sys.read(fd, operation.buffer, operation.size)
                               : sys(SYS_pread64, fd, operation.buffer, operation.size, offset));
        case OpCode::write:
            return narrow(here ? sys.write(fd, operation.buffer, operation.size)
                               : sys(SYS_pwrite64, fd, operation.buffer, operation.size, offset));
        case OpCode::readv:
            return narrow(here ? sys(SYS_readv, fd, operation.buffer, operation.size)
                               : sys(SYS_preadv, fd, operation.buffer, operation.size, offset, 0L));
        case OpCode::writev:
            return narrow(here ? sys(SYS_writev, fd, operation.buffer, operation.size)
                               : sys(SYS_pwritev, fd, operation.buffer, operation.size, offset, 0L));
        case OpCode::shutdown:
            return narrow(sys(SYS_shutdown, fd, user_flags(operation)));
        case OpCode::close:
            return narrow(sys.close(fd));
        case OpCode::open:
            return narrow(sys(SYS_openat, fd, operation.buffer, user_flags(operation) | O_CLOEXEC,
                              operation.size));
        case OpCode::fsync:
            return narrow(sys(operation.flags & 1 ? SYS_fdatasync : SYS_fsync, fd));
        case OpCode::stat:
            return narrow(sys(SYS_statx, fd, operation.buffer, user_flags(operation),
                              static_cast<unsigned>(operation.size), operation.address));
        default:
            return -EOPNOTSUPP;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
