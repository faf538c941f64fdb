// SPDX-License-Identifier: BSL-1.0
// See held_signals.hpp.
#include "held_signals.hpp"

namespace coir::inline v0::detail::calls {
namespace {

constexpr int last_signal = 64;

// How many hold a signal that the program has not blocked. A task stays on its thread, which may have
// several TLS blocks: they share the first one's.
[[gnu::tls_model("initial-exec")]] constinit thread_local unsigned own_holders[last_signal + 1] = {};
[[gnu::tls_model("initial-exec")]] constinit thread_local unsigned* shared_holders = nullptr;

void change_mask(Sys& sys, int how, const sigset_t* set, sigset_t* before) noexcept {
    if (before) ::sigemptyset(before);
    sys(SYS_rt_sigprocmask, how, set, before, mask_size);
}

}  // namespace

unsigned* held_signals_here() noexcept { return shared_holders ? shared_holders : own_holders; }

void share_held_signals(unsigned* holders) noexcept { shared_holders = holders; }

HeldSignals::HeldSignals(Sys& sys, const sigset_t& set) noexcept : sys_(sys) {
    sigset_t before;
    change_mask(sys, SIG_BLOCK, &set, &before);
    ::sigemptyset(&held_);
    unsigned* const holders = held_signals_here();
    for (int signo = 1; signo <= last_signal; ++signo) {
        if (::sigismember(&set, signo) != 1) continue;
        if (::sigismember(&before, signo) == 1 && holders[signo] == 0) continue;
        ++holders[signo];
        ::sigaddset(&held_, signo);
    }
}

HeldSignals::~HeldSignals() {
    sigset_t free;
    ::sigemptyset(&free);
    unsigned* const holders = held_signals_here();
    for (int signo = 1; signo <= last_signal; ++signo) {
        if (::sigismember(&held_, signo) == 1 && --holders[signo] == 0) ::sigaddset(&free, signo);
    }
    change_mask(sys_, SIG_UNBLOCK, &free, nullptr);
}

sigset_t HeldSignals::mask_of_program(Sys& sys) noexcept {
    sigset_t mask;
    change_mask(sys, SIG_BLOCK, nullptr, &mask);
    const unsigned* const holders = held_signals_here();
    for (int signo = 1; signo <= last_signal; ++signo) {
        if (holders[signo] > 0) ::sigdelset(&mask, signo);
    }
    return mask;
}

}  // namespace coir::inline v0::detail::calls
