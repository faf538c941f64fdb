// SPDX-License-Identifier: BSL-1.0
// pthread_kill and pthread_sigqueue. The kernel knows one thread, which runs the handler for
// another of ours at once, but in its name: with its block and its mask in place. Then its call is
// interrupted, as the kernel would.
//
// What a thread blocks waits: with the kernel when all block it (sigwait() takes it from there),
// else here until it no longer does.
#include "kill.hpp"

#include "exports.hpp"
#include "real.hpp"
#include "signal_masks.hpp"

#include <coir/detail/sys.hpp>

#include <cerrno>

#include <unistd.h>

namespace coir_deep {
namespace {

using coir::detail::real_sys;

constexpr int last = 64;

std::uint64_t bit(int signo) noexcept { return std::uint64_t{1} << (signo - 1); }

int send_now(int signo) noexcept {
    const long result = real_sys()(SYS_tgkill, ::getpid(), real_sys()(SYS_gettid), signo);
    return static_cast<int>(-result);
}

// What is not handled stops, ends or leaves alone the whole process, whoever is meant.
bool has_handler(int signo, bool& restarts) noexcept {
    struct sigaction action {};
    if (::sigaction(signo, nullptr, &action) != 0) return false;
    restarts = (action.sa_flags & SA_RESTART) != 0;
    return (action.sa_flags & SA_SIGINFO) != 0 ||
           (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

void handle_in_the_name_of(Thread& thread, int signo, bool restarts) noexcept {
    Thread& self = *this_thread();
    put_mask_in_place(thread);
    set_thread_pointer(thread.block);
    static_cast<void>(send_now(signo));
    set_thread_pointer(self.block);
    put_mask_in_place(self);
    hooks::handler_was_for(thread.task_id, restarts);
}

// None of its calls is waiting, and nobody else's is meant.
int handle_here(Thread& self, int signo) noexcept {
    bool restarts = false;
    const bool handled = signo != 0 && has_handler(signo, restarts) && (self.mask & bit(signo)) == 0;
    const int error = send_now(signo);
    if (handled && error == 0) hooks::handler_was_for(self.task_id, restarts);
    return error;
}

int kill(Thread& thread, int signo) noexcept {
    if (signo < 0 || signo > last) return EINVAL;
    if (!thread.in_use) return ESRCH;
    if (signo == 0 || thread.ended) return 0;
    if (&thread == this_thread()) return handle_here(thread, signo);
    bool restarts = false;
    if (!has_handler(signo, restarts) || blocked_for_all(signo)) {
        return send_now(signo);
    }
    if (!thread.begun || (thread.mask & bit(signo)) != 0) {
        thread.signals |= bit(signo);
    } else {
        handle_in_the_name_of(thread, signo, restarts);
    }
    return 0;
}

}  // namespace

void take_signals_slowly(Thread& self) noexcept {
    for (int signo = 1; signo <= last; ++signo) {
        if ((self.signals & bit(signo)) == 0 || (self.mask & bit(signo)) != 0) continue;
        self.signals &= ~bit(signo);
        static_cast<void>(send_now(signo));
    }
}

}  // namespace coir_deep

using namespace coir_deep;

COIR_DEEP_EXPORT(pthread_kill, int, (pthread_t handle, int signo)) {
    Thread* const thread = thread_of(handle);
    static constinit Behind<decltype(::pthread_kill)> real("pthread_kill");
    return thread ? kill(*thread, signo) : real(handle, signo);
}

// Refused: with a signal that waits for its thread no value can be kept.
COIR_DEEP_EXPORT(pthread_sigqueue, int, (pthread_t handle, int signo, const union sigval value)) {
    static constinit Behind<decltype(::pthread_sigqueue)> real("pthread_sigqueue");
    return thread_of(handle) ? ENOTSUP : real(handle, signo, value);
}
