// SPDX-License-Identifier: BSL-1.0
// write, writev, send, sendto, sendmsg, sendmmsg in a task.
//
// On a blocking stream they return when everything is sent, or when something went wrong after a
// part, which then is the result. SIGPIPE comes as it does without us: for a call that could send
// nothing.
//
// Facts:
// - Only streams take a part of what is given; datagrams go as a whole or not at all.
// - Control data and an address go with the first part only.
// - Unconnected unix datagram sockets are always "writable", however full the peer's queue is:
//   after a few futile waits there are pauses instead (Waiting).
// - pwritev2 with RWF_NOWAIT works on pipes, and keeps writes of up to PIPE_BUF bytes whole. Where
//   it does not, POLLOUT promises room: for that much in FIFOs, for less in terminals.
#include "disk.hpp"
#include "in_task.hpp"
#include "pieces.hpp"

#include <cerrno>
#include <climits>

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <termios.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

namespace coir::inline v0::detail::calls {
namespace {

// The first part has gone: the rest, without what belonged to the first.
long send_rest(Sys& sys, Waiting& waiting, int fd, Pieces& left, std::size_t size, long sent,
               int flags) noexcept {
    flags = (flags & ~MSG_FASTOPEN) | MSG_DONTWAIT | MSG_NOSIGNAL;
    while (static_cast<std::size_t>(sent) < size) {
        msghdr message{};
        message.msg_iov = left.window(message.msg_iovlen);
        const long more = sys(SYS_sendmsg, fd, &message, flags);
        if (more == -EINTR) continue;
        if (more == -EAGAIN) {
            if (waiting.wait() < 0) return sent;
            continue;
        }
        if (more < 0) return sent;  // the next call will report it
        waiting.progress();
        left.advance(static_cast<std::size_t>(more));
        sent += more;
    }
    return sent;
}

long send_message(Scheduler& loop, int fd, const msghdr* message, int flags,
                  const char* what) noexcept {
    Sys& sys = hooks::sys(loop);
    Waiting waiting(loop, fd, POLLOUT, SO_SNDTIMEO, what);
    long sent;
    for (;;) {
        sent = sys(SYS_sendmsg, fd, message, flags | MSG_DONTWAIT | waiting.quietly());
        if (sent == -EINTR) continue;
        const bool connecting = sent == -EINPROGRESS && (flags & MSG_FASTOPEN) != 0;
        if (sent != -EAGAIN && !connecting) break;
        if (connecting && waiting.nonblocking()) break;
        if (connecting) flags &= ~MSG_FASTOPEN;
        if (const long error = waiting.wait(); error < 0) {
            sent = error;
            break;
        }
    }
    if (sent >= 0) {
        const std::size_t size = total_size(message->msg_iov, message->msg_iovlen);
        if (static_cast<std::size_t>(sent) < size && !waiting.nonblocking()) {
            Pieces left(message->msg_iov, message->msg_iovlen);
            left.advance(static_cast<std::size_t>(sent));
            sent = send_rest(sys, waiting, fd, left, size, sent, flags);
        }
    }
    if (!waiting.suspended()) did_not_suspend(loop);
    return sent;
}

long send_bytes(Scheduler& loop, int fd, const void* data, std::size_t size, int flags,
                const sockaddr* address, socklen_t length, const char* what) noexcept {
    iovec piece{const_cast<void*>(data), size};
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(address);
    message.msg_namelen = address ? length : 0;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    return send_message(loop, fd, &message, flags, what);
}

// A terminal that is ready has room for 256 bytes, and may write eight for one (tabs).
constexpr std::size_t terminal_piece = 32;

bool is_terminal(Sys& sys, int fd) noexcept {
    termios mode;
    return sys(SYS_ioctl, fd, TCGETS, &mode) == 0;
}

// One attempt on what is neither a socket nor a file.
long write_once(Sys& sys, Waiting& waiting, int fd, Pieces& left) noexcept {
    std::size_t count = 0;
    iovec* pieces = left.window(count);
    const long done = sys(SYS_pwritev2, fd, pieces, count, -1L, -1L, RWF_NOWAIT);
    if (done != -EOPNOTSUPP && done != -ENOSYS && done != -EINVAL) return done;
    if (waiting.nonblocking()) return sys(SYS_writev, fd, pieces, count);
    pollfd one{fd, POLLOUT, 0};
    timespec zero{0, 0};
    if (sys(SYS_ppoll, &one, 1, &zero, nullptr, 0) == 0) return -EAGAIN;
    pieces = left.window(count, is_terminal(sys, fd) ? terminal_piece : PIPE_BUF);
    return sys(SYS_writev, fd, pieces, count);
}

long write_device(Scheduler& loop, int fd, const iovec* pieces, std::size_t count,
                  const char* what) noexcept {
    Sys& sys = hooks::sys(loop);
    Waiting waiting(loop, fd, POLLOUT, 0, what);
    Pieces left(pieces, count);
    const std::size_t size = total_size(pieces, count);
    long written = 0;
    while (static_cast<std::size_t>(written) < size) {
        long done = write_once(sys, waiting, fd, left);
        if (done == -EINTR) continue;
        if (done == -EAGAIN) {
            done = waiting.wait();
            if (done == 0) continue;
        }
        if (done <= 0) {
            if (written == 0) written = done;
            break;
        }
        waiting.progress();
        left.advance(static_cast<std::size_t>(done));
        written += done;
        if (waiting.nonblocking()) break;
    }
    if (!waiting.suspended()) did_not_suspend(loop);
    return written;
}

}  // namespace

namespace in_task {

ssize_t send(Scheduler& loop, int fd, const void* data, size_t size, int flags) {
    return in_task::sendto(loop, fd, data, size, flags, nullptr, 0);
}

ssize_t sendto(Scheduler& loop, int fd, const void* data, size_t size, int flags,
               const sockaddr* address, socklen_t length) {
    if ((flags & (MSG_DONTWAIT | MSG_OOB)) != 0) {
        did_not_suspend(loop);
        return direct::sendto(hooks::sys(loop), fd, data, size, flags, address, length);
    }
    return to_libc(send_bytes(loop, fd, data, size, flags, address, length, "send"));
}

ssize_t sendmsg(Scheduler& loop, int fd, const msghdr* message, int flags) {
    if ((flags & (MSG_DONTWAIT | MSG_OOB)) != 0) {
        did_not_suspend(loop);
        return direct::sendmsg(hooks::sys(loop), fd, message, flags);
    }
    return to_libc(send_message(loop, fd, message, flags, "sendmsg"));
}

// Message by message; an error after the first one is left for the next call.
int sendmmsg(Scheduler& loop, int fd, mmsghdr* messages, unsigned count, int flags) {
    if ((flags & (MSG_DONTWAIT | MSG_OOB)) != 0) {
        did_not_suspend(loop);
        return direct::sendmmsg(hooks::sys(loop), fd, messages, count, flags);
    }
    unsigned sent = 0;
    long result = 0;
    while (sent < count && sent < UIO_MAXIOV) {
        result = send_message(loop, fd, &messages[sent].msg_hdr, flags, "sendmmsg");
        if (result < 0) break;
        messages[sent++].msg_len = static_cast<unsigned>(result);
    }
    if (sent > 0) return static_cast<int>(sent);
    return static_cast<int>(to_libc(result));
}

ssize_t write(Scheduler& loop, int fd, const void* data, size_t size) {
    if (size == 0) return direct::write(hooks::sys(loop), fd, data, size);
    const long sent = send_bytes(loop, fd, data, size, 0, nullptr, 0, "write");
    if (sent != -ENOTSOCK) return to_libc(sent);
    if (is_file(hooks::sys(loop), fd)) return write_file(loop, fd, data, size);
    const iovec piece{const_cast<void*>(data), size};
    return to_libc(write_device(loop, fd, &piece, 1, "write"));
}

ssize_t writev(Scheduler& loop, int fd, const iovec* pieces, int count) {
    if (count <= 0 || count > IOV_MAX || total_size(pieces, static_cast<size_t>(count)) == 0) {
        return direct::writev(hooks::sys(loop), fd, pieces, count);
    }
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = static_cast<size_t>(count);
    const long sent = send_message(loop, fd, &message, 0, "writev");
    if (sent != -ENOTSOCK) return to_libc(sent);
    if (is_file(hooks::sys(loop), fd)) return writev_file(loop, fd, pieces, count);
    return to_libc(write_device(loop, fd, pieces, static_cast<size_t>(count), "writev"));
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
