// SPDX-License-Identifier: BSL-1.0
// See signal_masks.hpp. Signals that libcoir itself holds back for a task (sigwait and its kin) are
// blocked beside any mask: they are counted in what the blocks share.
#include "signal_masks.hpp"

#include "exports.hpp"
#include "kill.hpp"
#include "real.hpp"

#include <coir/detail/sys.hpp>

#include <cerrno>
#include <cstring>

namespace coir_deep {
namespace {

constexpr int last = 64;
using Bits = std::uint64_t;
constexpr std::size_t kernel_size = sizeof(Bits);

// How many threads block a signal, and how many there are.
constinit std::size_t blocked_by[last + 1] = {};
constinit std::size_t threads = 0;
constinit Bits in_place = 0;
constinit Bits idle = 0;

Bits bits_of(const sigset_t& set) noexcept {
    Bits bits = 0;
    std::memcpy(&bits, &set, sizeof bits);  // the kernel's part of it
    return bits;
}

constexpr Bits bit(int signo) noexcept { return Bits{1} << (signo - 1); }

void count(Bits mask, int step) noexcept {
    threads += static_cast<std::size_t>(step);
    idle = 0;
    for (int signo = 1; signo <= last; ++signo) {
        if ((mask & bit(signo)) != 0) blocked_by[signo] += static_cast<std::size_t>(step);
        if (threads > 0 && blocked_by[signo] == threads) idle |= bit(signo);
    }
}

Bits held_back() noexcept {
    const unsigned* const holders = hooks::thread_share().held_signals;
    Bits held = 0;
    for (int signo = 1; signo <= last; ++signo) {
        if (holders[signo] > 0) held |= bit(signo);
    }
    return held;
}

void apply(Bits mask) noexcept {
    if (mask == in_place) [[likely]]
        return;
    in_place = mask;
    const Bits all = mask | held_back();
    coir::detail::real_sys()(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, kernel_size);
}

Bits mask_of_kernel() noexcept {
    Bits mask = 0;
    coir::detail::real_sys()(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, kernel_size);
    return mask & ~held_back();
}

void note_change(Thread* thread) noexcept {
    if (!thread) return;
    const Bits now = mask_of_kernel();
    if (now == thread->mask) return;
    count(thread->mask, -1);
    count(now, +1);
    thread->mask = in_place = now;
    take_signals(*thread);
}

}  // namespace

void take_over_mask(Thread& main) noexcept {
    main.mask = in_place = mask_of_kernel();
    count(main.mask, +1);
}

void begin_mask(Thread& thread, const sigset_t& mask) noexcept {
    thread.mask = bits_of(mask);
    count(thread.mask, +1);
}

void end_mask(Thread& thread) noexcept { count(thread.mask, -1); }

bool blocked_for_all(int signo) noexcept { return ((idle | held_back()) & bit(signo)) != 0; }

void put_mask_in_place(const Thread& thread) noexcept { apply(thread.mask); }

void put_idle_mask_in_place() noexcept { apply(idle); }

}  // namespace coir_deep

using namespace coir_deep;

COIR_DEEP_EXPORT(pthread_sigmask, int, (int how, const sigset_t* set, sigset_t* before)) {
    static constinit Behind<decltype(::pthread_sigmask)> real("pthread_sigmask");
    const int result = real(how, set, before);
    if (set && result == 0) note_change(this_thread());
    return result;
}

COIR_DEEP_EXPORT(sigprocmask, int, (int how, const sigset_t* set, sigset_t* before)) {
    static constinit Behind<decltype(::sigprocmask)> real("sigprocmask");
    const int result = real(how, set, before);
    if (set && result == 0) note_change(this_thread());
    return result;
}
