// SPDX-License-Identifier: BSL-1.0
// See held_signals.hpp.
#include "held_signals.hpp"

namespace coir::inline v0::detail::calls {
namespace {

constexpr int last = 64;

// How many hold a signal that the program has not blocked. A task stays on its thread.
[[gnu::tls_model("initial-exec")]] constinit thread_local unsigned holders[last + 1] = {};

void change_mask(Sys& sys, int how, const sigset_t* set, sigset_t* before) noexcept {
    if (before) ::sigemptyset(before);
    sys(SYS_rt_sigprocmask, how, set, before, mask_size);
}

}  // namespace

HeldSignals::HeldSignals(Sys& sys, const sigset_t& set) noexcept : sys_(sys) {
    sigset_t before;
    change_mask(sys, SIG_BLOCK, &set, &before);
    ::sigemptyset(&held_);
    for (int signo = 1; signo <= last; ++signo) {
        if (::sigismember(&set, signo) != 1) continue;
        if (::sigismember(&before, signo) == 1 && holders[signo] == 0) continue;
        ++holders[signo];
        ::sigaddset(&held_, signo);
    }
}

HeldSignals::~HeldSignals() {
    sigset_t free;
    ::sigemptyset(&free);
    for (int signo = 1; signo <= last; ++signo) {
        if (::sigismember(&held_, signo) == 1 && --holders[signo] == 0) ::sigaddset(&free, signo);
    }
    change_mask(sys_, SIG_UNBLOCK, &free, nullptr);
}

sigset_t HeldSignals::mask_of_program(Sys& sys) noexcept {
    sigset_t mask;
    change_mask(sys, SIG_BLOCK, nullptr, &mask);
    for (int signo = 1; signo <= last; ++signo) {
        if (holders[signo] > 0) ::sigdelset(&mask, signo);
    }
    return mask;
}

}  // namespace coir::inline v0::detail::calls
