// SPDX-License-Identifier: BSL-1.0
// flock, lockf and the locks of fcntl in a task. A thread that waited for a lock which another task of
// its loop holds would wait for ever. Of the locks of fcntl and lockf, which belong to the process, the
// kernel notices deadlocks (EDEADLK) only for those who wait inside of it, and not for these.
#include "file_locks.hpp"
#include "trying.hpp"

#include <cerrno>

#include <sys/file.h>

#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

namespace coir::inline v0::detail::calls {

int lock_record(Scheduler& loop, int fd, int command, struct flock* lock) noexcept {
    const int trying = command == F_OFD_SETLKW ? F_OFD_SETLK : F_SETLK;
    Sys& sys = hooks::sys(loop);
    return static_cast<int>(to_libc(
        try_until(loop, coir::never, "fcntl", EAGAIN, EACCES,
                  [&] { return sys.fcntl(fd, trying, reinterpret_cast<long>(lock)); })));
}

namespace in_task {

int flock(Scheduler& loop, int fd, int operation) {
    Sys& sys = hooks::sys(loop);
    if ((operation & LOCK_NB) != 0) {
        did_not_suspend(loop);
        return direct::number(sys, SYS_flock, fd, operation);
    }
    return static_cast<int>(
        to_libc(try_until(loop, coir::never, "flock", EWOULDBLOCK, EWOULDBLOCK,
                          [&] { return sys(SYS_flock, fd, operation | LOCK_NB); })));
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
