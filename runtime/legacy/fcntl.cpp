// SPDX-License-Identifier: BSL-1.0
// fcntl, lockf in a task: what waits is done elsewhere, the rest is libc's own.
#include "real.hpp"

#include "../calls/file_locks.hpp"

#ifndef F_OFD_SETLKW
#define F_OFD_SETLKW 38
#endif

namespace coir::inline v0::detail::calls {

namespace real = coir_legacy::real;

namespace in_task {

int fcntl(Scheduler& loop, int fd, int command, long argument) {
    if (command != F_SETLKW && command != F_OFD_SETLKW) return real::fcntl(fd, command, argument);
    return lock_record(loop, fd, command, reinterpret_cast<struct flock*>(argument));
}

int fcntl64(Scheduler& loop, int fd, int command, long argument) {
    if (command != F_SETLKW && command != F_OFD_SETLKW) return real::fcntl64(fd, command, argument);
    return lock_record(loop, fd, command, reinterpret_cast<struct flock*>(argument));
}

int lockf(Scheduler& loop, int fd, int command, off_t length) {
    if (command != F_LOCK) return real::lockf(fd, command, length);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_CUR;
    lock.l_len = length;
    return lock_record(loop, fd, F_SETLKW, &lock);
}

int lockf64(Scheduler& loop, int fd, int command, off64_t length) {
    return in_task::lockf(loop, fd, command, length);
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
