// SPDX-License-Identifier: BSL-1.0
// open, openat, creat in a task: of a FIFO, which waits for its other end. All else is opened at once
// (a terminal too, whose driver may wait for a carrier).
//
// O_NONBLOCK keeps the kernel from waiting, on a description that nobody else knows yet; it is taken
// away again before anybody does. A writer is then refused as long as there is no reader. A reader
// gets the FIFO at once, and counts as one for writers, as somebody who waits in open() does; that
// there is, or has been, a writer is seen by poll(), and by tee(), which says EAGAIN for a FIFO that
// is merely empty.
#include "trying.hpp"

#include <cerrno>

#include <sys/stat.h>

#ifndef SPLICE_F_NONBLOCK
#define SPLICE_F_NONBLOCK 2
#endif

namespace coir::inline v0::detail::calls {
namespace {

bool may_wait(Sys& sys, int folder, const char* path, int flags) noexcept {
    if (!path || (flags & (O_NONBLOCK | O_PATH | O_DIRECTORY)) != 0) return false;
    if ((flags & O_ACCMODE) != O_RDONLY && (flags & O_ACCMODE) != O_WRONLY) return false;
    struct stat info;
    const int how = (flags & O_NOFOLLOW) != 0 ? AT_SYMLINK_NOFOLLOW : 0;
    return sys(SYS_newfstatat, folder, path, &info, how) == 0 && S_ISFIFO(info.st_mode);
}

// 0: there is or has been one. -EAGAIN: not yet.
long look_for_writer(Sys& sys, int fd, int scratch) noexcept {
    pollfd one{fd, POLLIN, 0};
    timespec zero{0, 0};
    if (sys(SYS_ppoll, &one, 1, &zero, nullptr, 0) != 0) return 0;
    return sys(SYS_tee, fd, scratch, 1, SPLICE_F_NONBLOCK) == 0 ? -EAGAIN : 0;
}

long wait_for_writer(Scheduler& loop, int fd) noexcept {
    Sys& sys = hooks::sys(loop);
    int scratch[2];
    if (const long error = sys(SYS_pipe2, scratch, O_CLOEXEC); error < 0) return error;
    const long result = try_until(loop, coir::never, "open", EAGAIN, EAGAIN,
                                  [&] { return look_for_writer(sys, fd, scratch[1]); });
    sys.close(scratch[0]);
    sys.close(scratch[1]);
    return result;
}

long open_fifo(Scheduler& loop, int folder, const char* path, int flags, mode_t mode) noexcept {
    Sys& sys = hooks::sys(loop);
    const long fd = try_until(loop, coir::never, "open", ENXIO, ENXIO, [&] {
        return sys(SYS_openat, folder, path, flags | O_NONBLOCK, mode);
    });
    if (fd < 0) return fd;
    const int number = static_cast<int>(fd);
    if ((flags & O_ACCMODE) == O_RDONLY) {
        if (const long error = wait_for_writer(loop, number); error < 0) {
            sys.close(number);
            return error;
        }
    }
    const long now = status_flags(sys, number);
    if (now >= 0) sys.fcntl(number, F_SETFL, now & ~O_NONBLOCK);
    return fd;
}

}  // namespace

namespace in_task {

int openat(Scheduler& loop, int folder, const char* path, int flags, mode_t mode) {
    Sys& sys = hooks::sys(loop);
    if (may_wait(sys, folder, path, flags)) {
        return static_cast<int>(to_libc(open_fifo(loop, folder, path, flags, mode)));
    }
    did_not_suspend(loop);
    const bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    return direct::number(sys, SYS_openat, folder, path, flags, makes ? mode : 0);
}

int openat64(Scheduler& loop, int folder, const char* path, int flags, mode_t mode) {
    return in_task::openat(loop, folder, path, flags, mode);
}

int open(Scheduler& loop, const char* path, int flags, mode_t mode) {
    return in_task::openat(loop, AT_FDCWD, path, flags, mode);
}

int open64(Scheduler& loop, const char* path, int flags, mode_t mode) {
    return in_task::openat(loop, AT_FDCWD, path, flags, mode);
}

int creat(Scheduler& loop, const char* path, mode_t mode) {
    return in_task::openat(loop, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int creat64(Scheduler& loop, const char* path, mode_t mode) {
    return in_task::creat(loop, path, mode);
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
