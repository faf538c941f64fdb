// SPDX-License-Identifier: BSL-1.0
// The fortified calls of programs: the real ones know how to say that the buffer is too small.
#include "real.hpp"

#include "../calls/in_task.hpp"

namespace coir::inline v0::detail::calls {

namespace real = coir_legacy::real;

namespace in_task {

ssize_t __read_chk(Scheduler& loop, int fd, void* buffer, size_t size, size_t room) {
    if (size > room) return real::__read_chk(fd, buffer, size, room);
    return in_task::read(loop, fd, buffer, size);
}

ssize_t __recv_chk(Scheduler& loop, int fd, void* buffer, size_t size, size_t room, int flags) {
    if (size > room) return real::__recv_chk(fd, buffer, size, room, flags);
    return in_task::recv(loop, fd, buffer, size, flags);
}

ssize_t __recvfrom_chk(Scheduler& loop, int fd, void* buffer, size_t size, size_t room, int flags,
                       sockaddr* address, socklen_t* length) {
    if (size > room) return real::__recvfrom_chk(fd, buffer, size, room, flags, address, length);
    return in_task::recvfrom(loop, fd, buffer, size, flags, address, length);
}

int __poll_chk(Scheduler& loop, pollfd* fds, nfds_t count, int timeout, size_t room) {
    if (room / sizeof *fds < count) return real::__poll_chk(fds, count, timeout, room);
    return in_task::poll(loop, fds, count, timeout);
}

int __ppoll_chk(Scheduler& loop, pollfd* fds, nfds_t count, const timespec* timeout,
                const sigset_t* mask, size_t room) {
    if (room / sizeof *fds < count) return real::__ppoll_chk(fds, count, timeout, mask, room);
    return in_task::ppoll(loop, fds, count, timeout, mask);
}

ssize_t __pread_chk(Scheduler& loop, int fd, void* buffer, size_t size, off_t offset, size_t room) {
    if (size > room) return real::__pread_chk(fd, buffer, size, offset, room);
    return in_task::pread(loop, fd, buffer, size, offset);
}

ssize_t __pread64_chk(Scheduler& loop, int fd, void* buffer, size_t size, off64_t offset,
                      size_t room) {
    return in_task::__pread_chk(loop, fd, buffer, size, offset, room);
}

// Without a mode: a file that is to be made needs one, and libc's ends the program.
namespace {

bool needs_mode(int flags) noexcept {
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

}  // namespace

int __open_2(Scheduler& loop, const char* path, int flags) {
    if (needs_mode(flags)) return real::__open_2(path, flags);
    return in_task::open(loop, path, flags, 0);
}

int __open64_2(Scheduler& loop, const char* path, int flags) {
    if (needs_mode(flags)) return real::__open64_2(path, flags);
    return in_task::open(loop, path, flags, 0);
}

int __openat_2(Scheduler& loop, int folder, const char* path, int flags) {
    if (needs_mode(flags)) return real::__openat_2(folder, path, flags);
    return in_task::openat(loop, folder, path, flags, 0);
}

int __openat64_2(Scheduler& loop, int folder, const char* path, int flags) {
    if (needs_mode(flags)) return real::__openat64_2(folder, path, flags);
    return in_task::openat(loop, folder, path, flags, 0);
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
