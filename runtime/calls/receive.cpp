// SPDX-License-Identifier: BSL-1.0
// read, readv, recv, recvfrom, recvmsg, recvmmsg in a task.
//
// Facts about not waiting:
// - sockets have MSG_DONTWAIT. It does not turn MSG_WAITALL off but makes it give up, so that the
//   rest has to be asked for.
// - recvmsg() with room for nothing waits for data, read() of nothing does not.
// - preadv2 with RWF_NOWAIT works on pipes, eventfd, timerfd and signalfd. It says EOPNOTSUPP for
//   ttys, inotify and named FIFOs: there poll() and a plain read have to do. For files it would
//   deliver less than read() does.
#include "disk.hpp"
#include "in_task.hpp"
#include "pieces.hpp"

#include <cerrno>

#include <limits.h>
#include <linux/fs.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

namespace coir::inline v0::detail::calls {
namespace {

// These never wait, or were asked not to.
constexpr int immediate_flags = MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB;

bool ready_now(Sys& sys, int fd, short events) noexcept {
    pollfd one{fd, events, 0};
    timespec zero{0, 0};
    return sys(SYS_ppoll, &one, 1, &zero, nullptr, 0) != 0;  // an error too: the call will tell
}

hooks::WaitOperation call_of(OpCode code, int fd, void* buffer, std::size_t size,
                             int flags = 0) noexcept {
    hooks::WaitOperation call;
    call.code = code;
    call.fd = fd;
    call.buffer = buffer;
    call.size = size;
    call.flags = static_cast<std::uint32_t>(flags);
    return call;
}

// MSG_WAITALL is dealt with here.
bool is_native(Waiting& waiting, int flags) noexcept {
    return (flags & MSG_WAITALL) == 0 && waiting.is_native();
}

// MSG_WAITALL on a stream: the rest of what was asked for. Returns the bytes of all.
long receive_rest(Sys& sys, Waiting& waiting, int fd, Pieces& left, std::size_t size, long got,
                  int flags) noexcept {
    while (static_cast<std::size_t>(got) < size) {
        msghdr message{};
        message.msg_iov = left.window(message.msg_iovlen);
        const long more = sys(SYS_recvmsg, fd, &message, flags | MSG_DONTWAIT);
        if (more == -EAGAIN) {
            if (waiting.wait() < 0) return got;
            continue;
        }
        if (more <= 0) return got;  // the end, or an error that the next call will report
        waiting.progress();
        left.advance(static_cast<std::size_t>(more));
        got += more;
    }
    return got;
}

bool wants_rest(Sys& sys, Waiting& waiting, int fd, std::size_t size, long got,
                int flags) noexcept {
    return got > 0 && static_cast<std::size_t>(got) < size && (flags & MSG_WAITALL) != 0 &&
           (flags & MSG_PEEK) == 0 && !waiting.nonblocking() && is_stream(sys, fd);
}

long receive(Scheduler& loop, int fd, void* buffer, std::size_t size, int flags, sockaddr* address,
             socklen_t* length, const char* what) noexcept {
    Sys& sys = hooks::sys(loop);
    Waiting waiting(loop, fd, POLLIN, SO_RCVTIMEO, what);
    long got;
    for (;;) {
        got = sys(SYS_recvfrom, fd, buffer, size, flags | MSG_DONTWAIT, address, length);
        if (got == -EINTR) continue;
        if (got != -EAGAIN) break;
        if (!address && is_native(waiting, flags)) {
            got = waiting.carry_out(call_of(OpCode::recv, fd, buffer, size, flags));
            break;
        }
        if (const long error = waiting.wait(); error < 0) {
            got = error;
            break;
        }
    }
    if (wants_rest(sys, waiting, fd, size, got, flags)) {
        const iovec piece{buffer, size};
        Pieces left(&piece, 1);
        left.advance(static_cast<std::size_t>(got));
        got = receive_rest(sys, waiting, fd, left, size, got, flags);
    }
    if (!waiting.suspended()) did_not_suspend(loop);
    return got;
}

long receive_message(Scheduler& loop, int fd, msghdr* message, int flags,
                     const char* what) noexcept {
    Sys& sys = hooks::sys(loop);
    Waiting waiting(loop, fd, POLLIN, SO_RCVTIMEO, what);
    long got;
    for (;;) {
        got = sys(SYS_recvmsg, fd, message, flags | MSG_DONTWAIT);
        if (got == -EINTR) continue;
        if (got != -EAGAIN) break;
        if (is_native(waiting, flags)) {
            got = waiting.carry_out(call_of(OpCode::recvmsg, fd, message, 1, flags));
            break;
        }
        if (const long error = waiting.wait(); error < 0) {
            got = error;
            break;
        }
    }
    if (got > 0 && (flags & MSG_WAITALL) != 0) {
        const std::size_t size = total_size(message->msg_iov, message->msg_iovlen);
        // Control data ends a WAITALL in the kernel too.
        if (wants_rest(sys, waiting, fd, size, got, flags) && message->msg_controllen == 0) {
            Pieces left(message->msg_iov, message->msg_iovlen);
            left.advance(static_cast<std::size_t>(got));
            got = receive_rest(sys, waiting, fd, left, size, got, flags);
        }
    }
    if (!waiting.suspended()) did_not_suspend(loop);
    return got;
}

// What is neither a socket nor a file.
long read_device(Scheduler& loop, int fd, const iovec* pieces, int count,
                 const char* what) noexcept {
    Sys& sys = hooks::sys(loop);
    Waiting waiting(loop, fd, POLLIN, 0, what);
    long got;
    for (;;) {
        got = sys(SYS_preadv2, fd, pieces, count, -1L, -1L, RWF_NOWAIT);
        if (got == -EOPNOTSUPP || got == -ENOSYS || got == -EINVAL) {
            // No way to ask without waiting: look first. Another reader could still be quicker.
            if (waiting.nonblocking() || ready_now(sys, fd, POLLIN)) {
                got = sys(SYS_readv, fd, pieces, count);
            } else if (got != -EINVAL) {  // else it is too small for an eventfd and its like
                got = -EAGAIN;
            }
        }
        if (got == -EINTR) continue;
        if (got != -EAGAIN) break;
        if (waiting.is_native()) {
            auto* const first = const_cast<iovec*>(pieces);
            got = waiting.carry_out(
                call_of(OpCode::readv, fd, first, static_cast<std::size_t>(count)));
            break;
        }
        if (const long error = waiting.wait(); error < 0) {
            got = error;
            break;
        }
    }
    if (!waiting.suspended()) did_not_suspend(loop);
    return got;
}

}  // namespace

namespace in_task {

ssize_t recv(Scheduler& loop, int fd, void* buffer, size_t size, int flags) {
    return in_task::recvfrom(loop, fd, buffer, size, flags, nullptr, nullptr);
}

ssize_t recvfrom(Scheduler& loop, int fd, void* buffer, size_t size, int flags, sockaddr* address,
                 socklen_t* length) {
    if ((flags & immediate_flags) != 0) {
        did_not_suspend(loop);
        return direct::recvfrom(hooks::sys(loop), fd, buffer, size, flags, address, length);
    }
    return to_libc(receive(loop, fd, buffer, size, flags, address, length, "recv"));
}

ssize_t recvmsg(Scheduler& loop, int fd, msghdr* message, int flags) {
    if ((flags & immediate_flags) != 0) {
        did_not_suspend(loop);
        return direct::recvmsg(hooks::sys(loop), fd, message, flags);
    }
    return to_libc(receive_message(loop, fd, message, flags, "recvmsg"));
}

// As the kernel does it: the timeout is looked at after each message, what is left of it is written
// back, and an error after the first message is left for the next call.
int recvmmsg(Scheduler& loop, int fd, mmsghdr* messages, unsigned count, int flags,
             timespec* timeout) {
    const bool refused = timeout && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 ||
                                     timeout->tv_nsec >= 1'000'000'000);
    if ((flags & immediate_flags) != 0 || refused) {
        did_not_suspend(loop);
        return direct::recvmmsg(hooks::sys(loop), fd, messages, count, flags, timeout);
    }
    Sys& sys = hooks::sys(loop);
    const TimePoint deadline =
        timeout ? coir::saturating_add(sys.now(), std::chrono::seconds(timeout->tv_sec) +
                                                      Nanoseconds(timeout->tv_nsec))
                : coir::never;
    unsigned received = 0;
    long result = 0;
    int each = flags & ~MSG_WAITFORONE;
    while (received < count && received < UIO_MAXIOV) {
        mmsghdr& one = messages[received];
        if (received > 0 && (flags & MSG_WAITFORONE) != 0) each |= MSG_DONTWAIT;
        result = (each & MSG_DONTWAIT) != 0
                     ? sys(SYS_recvmsg, fd, &one.msg_hdr, each)
                     : receive_message(loop, fd, &one.msg_hdr, each, "recvmmsg");
        if (result < 0) break;
        one.msg_len = static_cast<unsigned>(result);
        ++received;
        if (timeout) {
            const Nanoseconds left = std::max(deadline - sys.now(), Nanoseconds(0));
            timeout->tv_sec = left.count() / 1'000'000'000;
            timeout->tv_nsec = left.count() % 1'000'000'000;
            if (left.count() == 0) break;
        }
    }
    if (received > 0) return static_cast<int>(received);
    return static_cast<int>(to_libc(result));
}

ssize_t read(Scheduler& loop, int fd, void* buffer, size_t size) {
    if (size == 0) return direct::read(hooks::sys(loop), fd, buffer, size);
    const long got = receive(loop, fd, buffer, size, 0, nullptr, nullptr, "read");
    if (got != -ENOTSOCK) return to_libc(got);
    if (is_file(hooks::sys(loop), fd)) return read_file(loop, fd, buffer, size);
    const iovec piece{buffer, size};
    return to_libc(read_device(loop, fd, &piece, 1, "read"));
}

ssize_t readv(Scheduler& loop, int fd, const iovec* pieces, int count) {
    if (count <= 0 || count > IOV_MAX || total_size(pieces, static_cast<size_t>(count)) == 0) {
        return direct::readv(hooks::sys(loop), fd, pieces, count);
    }
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = static_cast<size_t>(count);
    const long got = receive_message(loop, fd, &message, 0, "readv");
    if (got != -ENOTSOCK) return to_libc(got);
    if (is_file(hooks::sys(loop), fd)) return readv_file(loop, fd, pieces, count);
    return to_libc(read_device(loop, fd, pieces, count, "readv"));
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
