// SPDX-License-Identifier: BSL-1.0
// The table. See call_errors.hpp.
#include "call_errors.hpp"

#include <atomic>
#include <bitset>
#include <cerrno>

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace coir_faults {
namespace {

constexpr long guard_install = 102;  // MADV_GUARD_INSTALL

struct Row {
    long number;
    const char* name;
    CallErrors errors;
};

constexpr Row table[] = {
    {SYS_accept4, "accept4", {{EMFILE, ECONNABORTED, ENFILE, ENOBUFS, ENOMEM, EPROTO, EINTR}, 7}},
    {SYS_bind, "bind", {{EADDRINUSE, EACCES, ENOMEM}, 3}},
    {SYS_chdir, "chdir", {{ENOMEM, EACCES}, 2}},
    {SYS_close, "close", {{EIO, EINTR}, 2}},
    {SYS_close_range, "close_range", {{ENOSYS, ENOMEM}, 2}},
    {SYS_connect, "connect", {{ECONNREFUSED, EADDRNOTAVAIL, ENETUNREACH, ETIMEDOUT}, 4}},
    {SYS_dup3, "dup3", {{EMFILE, EBUSY}, 2}},
    {SYS_epoll_create1, "epoll_create1", {{EMFILE, ENFILE, ENOMEM}, 3}},
    {SYS_epoll_ctl, "epoll_ctl(ADD)", {{ENOMEM, ENOSPC}, 2}},
    {SYS_epoll_pwait, "epoll_pwait", {{EINTR}, 1}},
    {SYS_epoll_pwait2, "epoll_pwait2", {{EINTR}, 1}},
    {SYS_epoll_wait, "epoll_wait", {{EINTR}, 1}},
    {SYS_eventfd2, "eventfd2", {{EMFILE, ENFILE, ENOMEM}, 3}},
    {SYS_execve, "execve", {{ENOMEM, EACCES, ENOENT}, 3}},
    {SYS_faccessat, "faccessat", {{ENOMEM, EIO}, 2}},
    {SYS_fchmod, "fchmod", {{EIO, EPERM}, 2}},
    {SYS_fcntl, "fcntl(DUPFD)", {{EMFILE}, 1}},
    {SYS_fdatasync, "fdatasync", {{EIO, ENOSPC}, 2}},
    {SYS_fstat, "fstat", {{ENOMEM, EIO}, 2}},
    {SYS_fsync, "fsync", {{EIO, ENOSPC}, 2}},
    {SYS_ftruncate, "ftruncate", {{EIO, EINTR}, 2}},
    {SYS_futex, "futex(WAIT)", {{EINTR, EAGAIN}, 2}},
    {SYS_getdents64, "getdents64", {{EIO}, 1}},
    {SYS_getpeername, "getpeername", {{ENOTCONN, ENOBUFS}, 2}},
    {SYS_getrandom, "getrandom", {{EINTR, ENOSYS}, 2}},
    {SYS_getsockname, "getsockname", {{ENOBUFS}, 1}},
    {SYS_getsockopt, "getsockopt", {{ENOMEM}, 1}},
    {SYS_inotify_add_watch, "inotify_add_watch", {{ENOSPC, ENOMEM, EACCES}, 3}},
    {SYS_inotify_init1, "inotify_init1", {{EMFILE, ENFILE, ENOMEM}, 3}},
    {SYS_io_uring_enter, "io_uring_enter", {{EINTR, EAGAIN, EBUSY}, 3}},
    {SYS_io_uring_register, "io_uring_register", {{ENOMEM}, 1}},
    {SYS_io_uring_setup, "io_uring_setup", {{ENOMEM, EMFILE, ENFILE, EPERM}, 4}},
    {SYS_listen, "listen", {{EADDRINUSE}, 1}},
    {SYS_madvise, "madvise", {{ENOMEM, EINVAL}, 2}},
    {SYS_mkdirat, "mkdirat", {{ENOSPC, EIO, EACCES}, 3}},
    {SYS_mmap, "mmap", {{ENOMEM}, 1}},
    {SYS_mprotect, "mprotect", {{ENOMEM}, 1}},
    {SYS_newfstatat, "newfstatat", {{ENOMEM, EIO, EACCES}, 3}},
    {SYS_openat, "openat", {{EMFILE, ENFILE, ENOMEM, EINTR, EACCES}, 5}},
    {SYS_pidfd_open, "pidfd_open", {{EMFILE, ENFILE, ENOMEM, ENOSYS}, 4}},
    {SYS_pipe2, "pipe2", {{EMFILE, ENFILE}, 2}},
    {SYS_ppoll, "ppoll", {{EINTR, ENOMEM}, 2}},
    {SYS_pread64, "pread64", {{EIO, EINTR}, 2}},
    {SYS_preadv, "preadv", {{EIO, EINTR}, 2}},
    {SYS_preadv2, "preadv2", {{EIO, EINTR}, 2}},
    {SYS_process_madvise, "process_madvise", {{EPERM, ENOMEM, ENOSYS}, 3}},
    {SYS_process_vm_readv, "process_vm_readv", {{EPERM, ENOSYS}, 2}},
    {SYS_pwrite64, "pwrite64", {{ENOSPC, EIO, EINTR}, 3}},
    {SYS_pwritev, "pwritev", {{ENOSPC, EIO, EINTR}, 3}},
    {SYS_pwritev2, "pwritev2", {{ENOSPC, EIO, EINTR}, 3}},
    {SYS_read, "read", {{EIO, EINTR}, 2}},
    {SYS_readlinkat, "readlinkat", {{ENOMEM, EIO}, 2}},
    {SYS_readv, "readv", {{EIO, EINTR}, 2}},
    {SYS_recvfrom, "recvfrom", {{ECONNRESET, ENOMEM, EINTR}, 3}},
    {SYS_recvmmsg, "recvmmsg", {{ENOMEM, EINTR}, 2}},
    {SYS_recvmsg, "recvmsg", {{ECONNRESET, ENOMEM, EINTR}, 3}},
    {SYS_renameat2, "renameat2", {{EIO, ENOSPC, EXDEV}, 3}},
    {SYS_sendfile, "sendfile", {{EIO, ENOMEM, EINTR}, 3}},
    {SYS_sendmmsg, "sendmmsg", {{ENOBUFS, ENOMEM, EINTR}, 3}},
    {SYS_sendmsg, "sendmsg", {{EPIPE, ENOBUFS, ENOMEM, EINTR}, 4}},
    {SYS_sendto, "sendto", {{EPIPE, ENOBUFS, ENOMEM, EINTR}, 4}},
    {SYS_setpgid, "setpgid", {{EPERM}, 1}},
    {SYS_setsockopt, "setsockopt", {{ENOMEM}, 1}},
    {SYS_socket, "socket", {{EMFILE, ENFILE, ENOBUFS, ENOMEM}, 4}},
    {SYS_socketpair, "socketpair", {{EMFILE, ENFILE, ENOMEM}, 3}},
    {SYS_splice, "splice", {{ENOMEM, EINTR}, 2}},
    {SYS_statx, "statx", {{ENOMEM, EIO, EACCES}, 3}},
    {SYS_unlinkat, "unlinkat", {{EIO, ENOMEM}, 2}},
    {SYS_wait4, "wait4", {{EINTR}, 1}},
    {SYS_waitid, "waitid", {{EINTR}, 1}},
    {SYS_write, "write", {{EIO, EINTR}, 2}},
    {SYS_writev, "writev", {{EIO, EINTR}, 2}},
};

constexpr const Row* find(long number) noexcept {
    for (const Row& row : table) {
        if (row.number == number) return &row;
    }
    return nullptr;
}

constexpr long most_descriptors = 1024;
std::bitset<most_descriptors> eventfds;  // one thread makes them, in practice

bool is_eventfd(long fd) noexcept { return fd >= 0 && fd < most_descriptors && eventfds.test(static_cast<std::size_t>(fd)); }

bool cannot_fail(long number, long a, long b, long c) noexcept {
    switch (number) {
        case SYS_read:
        case SYS_write:
        case SYS_writev:
            // A wake that fails would mean a full counter, which is a wake as well. Output on stderr
            // is for people.
            return is_eventfd(a) || a == 2;
        case SYS_epoll_ctl:
            return b != EPOLL_CTL_ADD;
        case SYS_fcntl:
            return b != F_DUPFD_CLOEXEC && b != F_DUPFD;
        case SYS_futex:
            return (b & FUTEX_CMD_MASK) != FUTEX_WAIT;
        case SYS_pidfd_open:
            return a <= 0;  // a probe
        case SYS_madvise:
            return c != guard_install && c != MADV_DONTFORK && c != MADV_NOHUGEPAGE;
        case SYS_io_uring_register:
            return b == 12;  // ENABLE_RINGS allocates nothing
        case SYS_wait4:
            return (c & WNOHANG) != 0;
        default:
            return false;
    }
}

}  // namespace

CallErrors errors_of(long number, long a, long b, long c) noexcept {
    const Row* row = find(number);
    if (!row || cannot_fail(number, a, b, c)) return {{}, 0};
    return row->errors;
}

const char* name_of(long number) noexcept {
    const Row* row = find(number);
    return row ? row->name : "a call";
}

bool is_momentary(int error) noexcept { return error == EINTR || error == EAGAIN || error == EBUSY; }

void note_descriptors(long number, long a, long, long result) noexcept {
    if (number == SYS_eventfd2 && result >= 0 && result < most_descriptors) {
        eventfds.set(static_cast<std::size_t>(result));
    } else if (number == SYS_close && is_eventfd(a)) {
        eventfds.reset(static_cast<std::size_t>(a));
    }
}

}  // namespace coir_faults
