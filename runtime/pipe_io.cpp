// SPDX-License-Identifier: BSL-1.0
// See pipe_io.hpp.
//
// Facts about writing to what is not a socket:
// - write() to a pipe that nobody reads raises SIGPIPE. RWF_NOSIGNAL (Linux 6.18) keeps it quiet;
//   before that the signal is blocked for the call and taken back.
// - pwritev2(RWF_NOWAIT) works on pipes. Where it does not, a pipe that polls writable has room for
//   PIPE_BUF bytes at least; a terminal that does, has room for one.
// - Opening /proc/self/fd/N gives the same terminal by an open file of its own, whose O_NONBLOCK is
//   nobody else's. That of a pseudo-terminal's controlling side would be a new pseudo-terminal.
#include "pipe_io.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <coir/error.hpp>
#include <csignal>
#include <cstdio>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100
#endif

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// What the kernel takes as a set of signals.
constexpr std::uint64_t sigpipe_bit = std::uint64_t{1} << (SIGPIPE - 1);

// SIGPIPE is of the thread that writes: blocked there, it can be taken back.
class NoSigpipe {
public:
    explicit NoSigpipe(Sys& sys) noexcept : sys_(sys) {
        sys_(SYS_rt_sigprocmask, SIG_BLOCK, &sigpipe_bit, &before_, sizeof before_);
        std::uint64_t pending = 0;
        sys_(SYS_rt_sigpending, &pending, sizeof pending);
        was_pending_ = (pending & sigpipe_bit) != 0;
    }
    NoSigpipe(const NoSigpipe&) = delete;
    NoSigpipe& operator=(const NoSigpipe&) = delete;
    ~NoSigpipe() { sys_(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_); }
    void take_back() noexcept {
        if (was_pending_) return;  // somebody else's, who has it blocked
        const timespec now{0, 0};
        sys_(SYS_rt_sigtimedwait, &sigpipe_bit, nullptr, &now, sizeof sigpipe_bit);
    }

private:
    Sys& sys_;
    std::uint64_t before_ = 0;
    bool was_pending_ = false;
};

bool is_unsupported(long result) noexcept {
    return result == -EOPNOTSUPP || result == -EINVAL || result == -ENOSYS;
}

bool polls_writable(Sys& sys, int fd) noexcept {
    pollfd one{fd, POLLOUT, 0};
    const timespec zero{0, 0};
    return sys(SYS_ppoll, &one, 1, &zero, nullptr, 0) > 0;
}

long write_nowait(Sys& sys, int fd, const iovec* pieces, std::size_t count, int flags) noexcept {
    return sys(SYS_pwritev2, fd, pieces, count, -1L, 0L, RWF_NOWAIT | flags);
}

// Nothing else is left than to look first, and to write no more than there surely is room for.
long write_after_poll(Sys& sys, int fd, PipeKind kind, const iovec* pieces,
                      std::size_t count) noexcept {
    const bool waits = (sys.fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
    if (!waits) return sys(SYS_writev, fd, pieces, count);
    if (!polls_writable(sys, fd)) return -EAGAIN;
    const bool is_tty = kind == PipeKind::terminal || kind == PipeKind::pty_master;
    const std::size_t room = is_tty ? 1 : PIPE_BUF;
    while (count > 1 && pieces->iov_len == 0) {
        ++pieces;
        --count;
    }
    return sys.write(fd, pieces->iov_base, std::min(pieces->iov_len, room));
}

}  // namespace

PipeKind pipe_kind_of(Sys& sys, int fd) {
    struct stat status {};
    const long result = sys(SYS_fstat, fd, &status);
    if (result < 0) throw IoError(static_cast<int>(-result), "making a pipe", fd);
    if (S_ISFIFO(status.st_mode)) return PipeKind::fifo;
    if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) return PipeKind::file;
    if (S_ISDIR(status.st_mode)) throw IoError(EISDIR, "making a pipe", fd);
    if (S_ISSOCK(status.st_mode)) {
        int type = 0;
        sys.getsockopt(fd, SOL_SOCKET, SO_TYPE, &type);
        if (type == SOCK_STREAM) return PipeKind::socket;
        throw IoError(EPROTOTYPE, "making a pipe", fd, "a socket, but not a stream socket");
    }
    // The kernel's termios is not the C library's; this is more than any architecture's.
    alignas(std::uint64_t) char attributes[256];
    if (S_ISCHR(status.st_mode) && sys(SYS_ioctl, fd, TCGETS, attributes) == 0) {
        unsigned number = 0;
        const bool master = sys(SYS_ioctl, fd, TIOCGPTN, &number) == 0;
        return master ? PipeKind::pty_master : PipeKind::terminal;
    }
    return PipeKind::other;
}

Fd reopen_terminal(Sys& sys, int fd) noexcept {
    const long flags = sys.fcntl(fd, F_GETFL);
    if (flags < 0) return {};
    char path[40];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int mode = static_cast<int>(flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    const long own = sys(SYS_openat, AT_FDCWD, path, mode, 0);
    return own < 0 ? Fd() : Fd(static_cast<int>(own));
}

std::int32_t write_pipe_now(Sys& sys, int fd, PipeKind kind, const iovec* pieces,
                            std::size_t count) noexcept {
    for (;;) {
        long result = -EOPNOTSUPP;
        if (kind != PipeKind::terminal && kind != PipeKind::pty_master) {
            result = write_nowait(sys, fd, pieces, count, RWF_NOSIGNAL);
        }
        if (is_unsupported(result)) {
            NoSigpipe guard(sys);
            if (kind == PipeKind::fifo) result = write_nowait(sys, fd, pieces, count, 0);
            if (is_unsupported(result)) result = write_after_poll(sys, fd, kind, pieces, count);
            if (result == -EPIPE) guard.take_back();
        }
        if (result != -EINTR) return static_cast<std::int32_t>(result);
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
