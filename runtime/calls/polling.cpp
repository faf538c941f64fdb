// SPDX-License-Identifier: BSL-1.0
// poll, ppoll, epoll_wait, epoll_pwait, epoll_pwait2 in a task.
//
// First a real call that does not wait, then a wait for all descriptors at once, then a real call
// again: what is reported always comes from the kernel.
//
// A signal mask holds for the thread, and other tasks run on it meanwhile. So it is in force only
// during the real calls, which are repeated every few milliseconds: a signal that the mask lets
// through is taken then, and the call ends with EINTR.
#include "multi_wait.hpp"

#include <cerrno>

#include <new>

namespace coir::inline v0::detail::calls {
namespace {

long poll_now(Sys& sys, pollfd* fds, nfds_t count, const sigset_t* mask) noexcept {
    timespec zero{0, 0};
    return sys(SYS_ppoll, fds, count, &zero, mask, mask_size);
}

int poll_until(Scheduler& loop, pollfd* fds, nfds_t count, TimePoint deadline, const sigset_t* mask,
               const char* what) noexcept {
    Sys& sys = hooks::sys(loop);
    MultiWait waiting(loop, deadline, mask != nullptr, what);
    for (;;) {
        const long result = poll_now(sys, fds, count, mask);
        if (result != 0) return waiting.finish(result);
        if (waiting.reserve(count) < 0) return waiting.finish(-ENOMEM);
        for (nfds_t i = 0; i < count; ++i) waiting.add(fds[i].fd, fds[i].events);
        const long ended = waiting.wait();
        if (ended < 0) {
            const long last = poll_now(sys, fds, count, nullptr);
            return waiting.finish(last != 0 ? last : ended == -ETIMEDOUT ? 0 : ended);
        }
    }
}

// epoll_pwait() without waiting lets no signal through, ppoll() does.
long take_signals(Sys& sys, const sigset_t* mask) noexcept {
    return poll_now(sys, nullptr, 0, mask);
}

int epoll_until(Scheduler& loop, int fd, epoll_event* events, int most, TimePoint deadline,
                const sigset_t* mask, const char* what) noexcept {
    Sys& sys = hooks::sys(loop);
    MultiWait waiting(loop, deadline, mask != nullptr, what);
    static_cast<void>(waiting.reserve(1));
    for (;;) {
        long result = sys(SYS_epoll_pwait, fd, events, most, 0, nullptr, mask_size);
        if (result == 0 && mask) result = take_signals(sys, mask);
        if (result != 0) return waiting.finish(result);
        waiting.add(fd, POLLIN);
        const long ended = waiting.wait();
        if (ended < 0) {
            const long last = sys(SYS_epoll_pwait, fd, events, most, 0, nullptr, mask_size);
            return waiting.finish(last != 0 ? last : ended == -ETIMEDOUT ? 0 : ended);
        }
    }
}

}  // namespace

namespace in_task {

int poll(Scheduler& loop, pollfd* fds, nfds_t count, int timeout) {
    return poll_until(loop, fds, count, after_milliseconds(loop, timeout), nullptr, "poll");
}

int ppoll(Scheduler& loop, pollfd* fds, nfds_t count, const timespec* timeout,
          const sigset_t* mask) {
    if (!is_valid(timeout)) return fail(EINVAL);
    return poll_until(loop, fds, count, after(loop, timeout), mask, "ppoll");
}

int epoll_wait(Scheduler& loop, int fd, epoll_event* events, int most, int timeout) {
    return epoll_until(loop, fd, events, most, after_milliseconds(loop, timeout), nullptr,
                       "epoll_wait");
}

int epoll_pwait(Scheduler& loop, int fd, epoll_event* events, int most, int timeout,
                const sigset_t* mask) {
    return epoll_until(loop, fd, events, most, after_milliseconds(loop, timeout), mask,
                       "epoll_pwait");
}

int epoll_pwait2(Scheduler& loop, int fd, epoll_event* events, int most, const timespec* timeout,
                 const sigset_t* mask) {
    if (!is_valid(timeout)) return fail(EINVAL);
    return epoll_until(loop, fd, events, most, after(loop, timeout), mask, "epoll_pwait2");
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
