// SPDX-License-Identifier: BSL-1.0
// See call_names.hpp.
#include "call_names.hpp"

#include <sys/syscall.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

struct CallName {
    long number;
    const char* name;
};

#define COIR_CALL(name) \
    { SYS_##name, #name }
constexpr CallName call_names[] = {
    COIR_CALL(accept4), COIR_CALL(bind), COIR_CALL(chdir), COIR_CALL(clone), COIR_CALL(clone3),
    COIR_CALL(close), COIR_CALL(connect), COIR_CALL(copy_file_range), COIR_CALL(dup), COIR_CALL(dup3),
    COIR_CALL(epoll_create1), COIR_CALL(epoll_ctl), COIR_CALL(epoll_pwait), COIR_CALL(eventfd2),
    COIR_CALL(execve), COIR_CALL(fallocate), COIR_CALL(fchmod), COIR_CALL(fcntl), COIR_CALL(fdatasync),
    COIR_CALL(fstat), COIR_CALL(fsync), COIR_CALL(ftruncate), COIR_CALL(getdents64),
    COIR_CALL(getpeername), COIR_CALL(getsockname), COIR_CALL(getsockopt),
    COIR_CALL(inotify_add_watch), COIR_CALL(inotify_init1), COIR_CALL(ioctl), COIR_CALL(kill),
    COIR_CALL(listen), COIR_CALL(lseek), COIR_CALL(mkdirat), COIR_CALL(newfstatat), COIR_CALL(openat),
    COIR_CALL(pidfd_open), COIR_CALL(pidfd_send_signal), COIR_CALL(pipe2), COIR_CALL(ppoll),
    COIR_CALL(prctl), COIR_CALL(pread64), COIR_CALL(preadv), COIR_CALL(preadv2), COIR_CALL(pselect6),
    COIR_CALL(pwrite64), COIR_CALL(pwritev), COIR_CALL(pwritev2), COIR_CALL(read), COIR_CALL(readv),
    COIR_CALL(recvfrom), COIR_CALL(recvmmsg), COIR_CALL(recvmsg), COIR_CALL(renameat2),
    COIR_CALL(rt_sigaction), COIR_CALL(sendfile), COIR_CALL(sendmmsg), COIR_CALL(sendmsg),
    COIR_CALL(sendto), COIR_CALL(setsockopt), COIR_CALL(shutdown), COIR_CALL(signalfd4),
    COIR_CALL(socket), COIR_CALL(socketpair), COIR_CALL(splice), COIR_CALL(statx),
    COIR_CALL(timerfd_create), COIR_CALL(timerfd_settime), COIR_CALL(unlinkat), COIR_CALL(wait4),
    COIR_CALL(waitid), COIR_CALL(write), COIR_CALL(writev)};
#undef COIR_CALL

}  // namespace

const char* call_name(long number) noexcept {
    for (const CallName& one : call_names) {
        if (one.number == number) return one.name;
    }
    return "";
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
