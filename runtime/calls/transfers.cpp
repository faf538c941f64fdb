// SPDX-License-Identifier: BSL-1.0
// splice, tee, vmsplice, sendfile, preadv2, pwritev2, getrandom in a task.
//
// Facts:
// - SPLICE_F_NONBLOCK is for pipes. Sockets are looked at first; having begun with one, the kernel
//   gives what it can (Linux 6.5; before, it could wait for room for the rest).
// - sendfile() to a blocking socket or pipe has no way not to wait: the data is copied instead.
// - preadv2() and pwritev2() without an offset are readv() and writev().
#include "multi_wait.hpp"
#include "trying.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>

#ifndef SPLICE_F_NONBLOCK
#define SPLICE_F_NONBLOCK 2
#endif

namespace coir::inline v0::detail::calls {
namespace {

struct End {
    int fd;
    short events;  ///< 0: it is not waited for
    bool pipe;     ///< the call does not wait for it
};

bool is_pipe(Sys& sys, int fd) noexcept { return sys.fcntl(fd, F_GETPIPE_SZ) >= 0; }

End end_of(Sys& sys, int fd, short events) noexcept {
    const bool waits = !is_file(sys, fd);
    return {fd, static_cast<short>(waits ? events : 0), is_pipe(sys, fd)};
}

bool is_ready(Sys& sys, const End& end) noexcept {
    if (end.events == 0) return true;
    pollfd one{end.fd, end.events, 0};
    timespec zero{0, 0};
    return sys(SYS_ppoll, &one, 1, &zero, nullptr, 0) != 0;
}

// Adds those that have to be waited for; all, when they are ready and nothing could be done. -EAGAIN:
// the program does not want that.
long add_unready(Sys& sys, MultiWait& waiting, const End* const (&ends)[2]) noexcept {
    waiting.reserve(2);
    const bool ready[] = {is_ready(sys, *ends[0]), is_ready(sys, *ends[1])};
    const bool all = ready[0] && ready[1];
    for (int i = 0; i < 2; ++i) {
        if (ends[i]->events == 0 || (ready[i] && !all)) continue;
        if (!ready[i] && is_nonblocking(sys, ends[i]->fd)) return -EAGAIN;
        waiting.add(ends[i]->fd, ends[i]->events);
    }
    return 0;
}

// f(), which does not wait for pipes, whenever what is no pipe is ready, until it says something else
// than EAGAIN.
template <class F>
long when_ready(Scheduler& loop, const End& from, const End& to, const char* what, F&& f) noexcept {
    Sys& sys = hooks::sys(loop);
    MultiWait waiting(loop, coir::never, false, what);
    for (;;) {
        long result = -EAGAIN;
        if ((from.pipe || is_ready(sys, from)) && (to.pipe || is_ready(sys, to))) result = f();
        if (result == -EINTR) continue;
        if (result != -EAGAIN) return waiting.finish(result);
        long error = add_unready(sys, waiting, {&from, &to});
        if (error == 0) error = waiting.wait();
        if (error < 0) return waiting.finish(error);
    }
}

constexpr std::size_t copy_size = 64 * 1024;
constexpr std::size_t most_in_call = 0x7ffff000;  // the kernel's limit

// What of `from` goes to `to`, read at `*offset`, which moves.
long copy(Scheduler& loop, int to, int from, off64_t& offset, std::size_t size) noexcept {
    Sys& sys = hooks::sys(loop);
    std::unique_ptr<char[]> buffer(new (std::nothrow) char[std::min(size, copy_size)]);
    if (!buffer) return -ENOMEM;
    std::size_t sent = 0;
    long error = 0;
    while (sent < size) {
        const long got = sys(SYS_pread64, from, buffer.get(), std::min(size - sent, copy_size), offset);
        error = got;
        if (got <= 0) break;
        const ssize_t moved = in_task::write(loop, to, buffer.get(), static_cast<std::size_t>(got));
        error = moved < 0 ? -errno : 0;
        if (moved < 0) break;
        offset += moved;
        sent += static_cast<std::size_t>(moved);
        if (moved < got) break;
    }
    return sent > 0 ? static_cast<long>(sent) : error;
}

long send_file(Scheduler& loop, int to, int from, off64_t* offset, std::size_t size) noexcept {
    Sys& sys = hooks::sys(loop);
    size = std::min(size, most_in_call);
    long position = offset ? *offset : sys(SYS_lseek, from, 0, SEEK_CUR);
    const long flags = status_flags(sys, to);
    const bool waits = flags >= 0 && (flags & O_NONBLOCK) == 0 && !is_file(sys, to);
    if (size == 0 || position < 0 || !waits) {
        did_not_suspend(loop);
        return sys(SYS_sendfile, to, from, offset, size);
    }
    off64_t at = position;
    const long sent = copy(loop, to, from, at, size);
    if (sent > 0 && offset) *offset = at;
    if (sent > 0 && !offset) sys(SYS_lseek, from, at, SEEK_SET);
    return sent;
}

}  // namespace

namespace in_task {

ssize_t splice(Scheduler& loop, int from, off64_t* from_offset, int to, off64_t* to_offset,
               size_t size, unsigned flags) {
    Sys& sys = hooks::sys(loop);
    const auto call = [&] {
        return sys(SYS_splice, from, from_offset, to, to_offset, size, flags | SPLICE_F_NONBLOCK);
    };
    const End source = end_of(sys, from, POLLIN);
    const End target = end_of(sys, to, POLLOUT);
    if ((flags & SPLICE_F_NONBLOCK) != 0 || size == 0 || (!source.pipe && !target.pipe)) {
        did_not_suspend(loop);
        return to_libc(sys(SYS_splice, from, from_offset, to, to_offset, size, flags));
    }
    return when_ready(loop, source, target, "splice", call);
}

ssize_t tee(Scheduler& loop, int from, int to, size_t size, unsigned flags) {
    Sys& sys = hooks::sys(loop);
    if ((flags & SPLICE_F_NONBLOCK) != 0 || size == 0) {
        did_not_suspend(loop);
        return to_libc(sys(SYS_tee, from, to, size, flags));
    }
    return when_ready(loop, {from, POLLIN, true}, {to, POLLOUT, true}, "tee", [&] {
        return sys(SYS_tee, from, to, size, flags | SPLICE_F_NONBLOCK);
    });
}

ssize_t vmsplice(Scheduler& loop, int fd, const iovec* pieces, size_t count, unsigned flags) {
    Sys& sys = hooks::sys(loop);
    const long mode = status_flags(sys, fd);
    if ((flags & SPLICE_F_NONBLOCK) != 0 || count == 0 || mode < 0) {
        did_not_suspend(loop);
        return to_libc(sys(SYS_vmsplice, fd, pieces, count, flags));
    }
    const short events = (mode & O_ACCMODE) == O_RDONLY ? POLLIN : POLLOUT;
    return when_ready(loop, {fd, events, true}, {fd, 0, true}, "vmsplice", [&] {
        return sys(SYS_vmsplice, fd, pieces, count, flags | SPLICE_F_NONBLOCK);
    });
}

ssize_t sendfile(Scheduler& loop, int to, int from, off_t* offset, size_t size) {
    return to_libc(send_file(loop, to, from, offset, size));
}

ssize_t sendfile64(Scheduler& loop, int to, int from, off64_t* offset, size_t size) {
    return to_libc(send_file(loop, to, from, offset, size));
}

ssize_t preadv2(Scheduler& loop, int fd, const iovec* pieces, int count, off_t offset, int flags) {
    if (offset == -1 && flags == 0) return in_task::readv(loop, fd, pieces, count);
    return to_libc(hooks::sys(loop)(SYS_preadv2, fd, pieces, count, offset, 0L, flags));
}

ssize_t preadv64v2(Scheduler& loop, int fd, const iovec* pieces, int count, off64_t offset,
                   int flags) {
    return in_task::preadv2(loop, fd, pieces, count, offset, flags);
}

ssize_t pwritev2(Scheduler& loop, int fd, const iovec* pieces, int count, off_t offset, int flags) {
    if (offset == -1 && flags == 0) return in_task::writev(loop, fd, pieces, count);
    return to_libc(hooks::sys(loop)(SYS_pwritev2, fd, pieces, count, offset, 0L, flags));
}

ssize_t pwritev64v2(Scheduler& loop, int fd, const iovec* pieces, int count, off64_t offset,
                    int flags) {
    return in_task::pwritev2(loop, fd, pieces, count, offset, flags);
}

// Waits in the first seconds of a machine's life only.
ssize_t getrandom(Scheduler& loop, void* buffer, size_t size, unsigned flags) {
    constexpr unsigned nonblock = 1;
    Sys& sys = hooks::sys(loop);
    if ((flags & nonblock) != 0) return to_libc(sys(SYS_getrandom, buffer, size, flags));
    return to_libc(try_until(loop, coir::never, "getrandom", EAGAIN, EAGAIN,
                             [&] { return sys(SYS_getrandom, buffer, size, flags | nonblock); }));
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
