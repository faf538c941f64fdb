// SPDX-License-Identifier: BSL-1.0
// sigwait, sigwaitinfo, sigtimedwait in a task: a signalfd tells when to look. As in libc, the signals
// should be blocked; those that are not are blocked in this thread meanwhile, as the kernel does it for
// a thread that waits.
#include "held_signals.hpp"
#include "multi_wait.hpp"

#include <cerrno>

#include <sys/signalfd.h>

namespace coir::inline v0::detail::calls {
namespace {

// A signal's number, or -errno.
long wait_for_signal(Scheduler& loop, const sigset_t* set, siginfo_t* info, TimePoint deadline,
                     const char* what) noexcept {
    Sys& sys = hooks::sys(loop);
    const auto look = [&] {
        const timespec zero{0, 0};
        long result;
        do {
            result = sys(SYS_rt_sigtimedwait, set, info, &zero, mask_size);
        } while (result == -EINTR);
        return result;
    };
    long result = look();
    if (result != -EAGAIN || deadline == past) {
        did_not_suspend(loop);
        return result;
    }
    if (hooks::cancel_asked(loop)) return -ECANCELED;
    const long opened = sys(SYS_signalfd4, -1, set, mask_size, SFD_CLOEXEC | SFD_NONBLOCK);
    if (opened < 0) return opened;
    const int fd = static_cast<int>(opened);
    const HeldSignals held(sys, *set);
    MultiWait waiting(loop, deadline, false, what);
    while ((result = look()) == -EAGAIN) {
        waiting.reserve(1);
        waiting.add(fd, POLLIN);
        const long ended = waiting.wait();
        if (ended == 0) continue;
        if (ended != -ETIMEDOUT) result = ended;
        break;
    }
    hooks::closing(loop, fd);
    sys.close(fd);
    return result;
}

}  // namespace

namespace in_task {

// Returns an error number, and goes on after handlers of other signals.
int sigwait(Scheduler& loop, const sigset_t* set, int* signo) {
    const long result = wait_for_signal(loop, set, nullptr, coir::never, "sigwait");
    if (result < 0) return static_cast<int>(-result);
    *signo = static_cast<int>(result);
    return 0;
}

int sigwaitinfo(Scheduler& loop, const sigset_t* set, siginfo_t* info) {
    return static_cast<int>(to_libc(wait_for_signal(loop, set, info, coir::never, "sigwaitinfo")));
}

int sigtimedwait(Scheduler& loop, const sigset_t* set, siginfo_t* info, const timespec* timeout) {
    if (!is_valid(timeout)) return fail(EINVAL);
    return static_cast<int>(
        to_libc(wait_for_signal(loop, set, info, after(loop, timeout), "sigtimedwait")));
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
