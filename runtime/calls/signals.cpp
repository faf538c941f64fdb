// SPDX-License-Identifier: BSL-1.0
// pause, sigsuspend, sigwait, sigwaitinfo, sigtimedwait in a task.
//
// pause() and sigsuspend() end when a handler has run on this thread. The mask of sigsuspend() would
// hold for other tasks too: it is in force for a moment every few milliseconds, as that of ppoll().
//
// For the others a signalfd tells when to look. As in libc, the signals
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

// 0: nothing has come. -EINTR, -ECANCELED, -ENOMEM.
long pause_for(Scheduler& loop, Nanoseconds duration, const char* what) noexcept {
    const TimePoint until = coir::saturating_add(hooks::sys(loop).now(), duration);
    switch (rest(loop, until, what, Interruptible::pauses)) {
        case Woken::interrupted: return -EINTR;
        case Woken::cancelled: return -ECANCELED;
        case Woken::no_memory: return -ENOMEM;
        default: return 0;
    }
}

}  // namespace

namespace in_task {

// Returns an error number, and goes on after handlers of other signals.
int sigwait(Scheduler& loop, const sigset_t* set, int* signo) {
    long result;
    do {
        result = wait_for_signal(loop, set, nullptr, coir::never, "sigwait");
    } while (result == -EINTR);
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

int pause(Scheduler& loop) {
    for (;;) {
        const long ended = pause_for(loop, std::chrono::hours(1), "pause");
        if (ended < 0) return fail(static_cast<int>(-ended));
    }
}

int sigsuspend(Scheduler& loop, const sigset_t* mask) {
    constexpr Nanoseconds interval = std::chrono::milliseconds(5);
    for (;;) {
        const timespec zero{0, 0};
        const int looked = direct::ppoll(hooks::sys(loop), nullptr, 0, &zero, mask);
        if (looked < 0) return looked;  // EINTR, or a mask that is not there
        const long ended = pause_for(loop, interval, "sigsuspend");
        if (ended < 0) return fail(static_cast<int>(-ended));
    }
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
