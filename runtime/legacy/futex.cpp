// SPDX-License-Identifier: BSL-1.0
// syscall(): waits for futexes suspend the task, wakes wake tasks first and then threads. All other
// system calls are passed on as they are.
//
// A wait that is cancelled ends as one that was woken for nothing, as condition.cpp has it: callers
// must expect that, and most of them take no errors.
#include "futex.hpp"

#include "anywhere.hpp"

#include <algorithm>
#include <climits>

#include <linux/futex.h>

namespace coir_legacy {
namespace {

constexpr Nanoseconds when_cancelled = std::chrono::milliseconds(10);
// A word that other processes may wake, which is not seen: it is looked at again, less and less often.
constexpr Nanoseconds first_look = std::chrono::milliseconds(10);
constexpr Nanoseconds last_look = std::chrono::seconds(1);

struct FutexWaiter : Waiter {
    FutexWaiter(const int* at, int value) noexcept : Waiter(at), word(at), expected(value) {
        must_wait = [](Waiter& waiter) noexcept {
            auto& self = static_cast<FutexWaiter&>(waiter);
            self.differs = __atomic_load_n(self.word, __ATOMIC_SEQ_CST) != self.expected;
            return !self.differs;
        };
    }
    const int* word;
    int expected;
    bool differs = false;
};

struct FutexCall {
    int* word;
    int operation;
    unsigned value;
    const timespec* time;
    void* second;
    unsigned bits;

    int command() const noexcept { return operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME); }
    bool is_private() const noexcept { return (operation & FUTEX_PRIVATE_FLAG) != 0; }
};

long pass_on(const FutexCall& call) noexcept {
    return real::syscall(SYS_futex, reinterpret_cast<long>(call.word), call.operation,
                         static_cast<long>(call.value), reinterpret_cast<long>(call.time),
                         reinterpret_cast<long>(call.second), static_cast<long>(call.bits));
}

long fail(int error) noexcept {
    if (error == 0) return 0;
    errno = error;
    return -1;
}

long wait(Scheduler& loop, const FutexCall& call) noexcept {
    const timespec* time = call.time;
    if (time && (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= 1'000'000'000)) {
        return fail(EINVAL);
    }
    const bool bitset = call.command() == FUTEX_WAIT_BITSET;
    const unsigned bits = bitset ? call.bits : ~0u;
    if (bits == 0) return fail(EINVAL);
    const bool realtime = (call.operation & FUTEX_CLOCK_REALTIME) != 0;
    timespec absolute{};
    if (time && !bitset) {  // a relative one
        hooks::sys(loop)(SYS_clock_gettime, CLOCK_MONOTONIC, &absolute);
        absolute.tv_sec += time->tv_sec + (absolute.tv_nsec + time->tv_nsec) / 1'000'000'000;
        absolute.tv_nsec = (absolute.tv_nsec + time->tv_nsec) % 1'000'000'000;
        time = &absolute;
    }
    const Until until(bitset && realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, time);
    return fail(futex_wait_in_task(loop, call.word, static_cast<int>(call.value), until, bits,
                                   !call.is_private(), "futex"));
}

long wake_both(const FutexCall& call) noexcept {
    const unsigned bits = call.command() == FUTEX_WAKE_BITSET ? call.bits : ~0u;
    std::atomic_thread_fence(std::memory_order_seq_cst);  // the kernel's wake has one, too
    const std::size_t woken = wake(call.word, call.value, bits);
    if (woken == 0) [[likely]] return pass_on(call);
    if (woken >= call.value) return static_cast<long>(woken);
    FutexCall rest = call;
    rest.value -= static_cast<unsigned>(woken);
    const long more = pass_on(rest);
    return more < 0 ? more : more + static_cast<long>(woken);
}

long futex(const FutexCall& call) noexcept {
    switch (call.command()) {
        case FUTEX_WAIT:
        case FUTEX_WAIT_BITSET:
            if (Scheduler* loop = suspendable_by_locks()) return wait(*loop, call);
            return pass_on(call);
        case FUTEX_WAKE:
        case FUTEX_WAKE_BITSET:
            return wake_both(call);
        case FUTEX_REQUEUE:
        case FUTEX_CMP_REQUEUE:
        case FUTEX_WAKE_OP:
            std::atomic_thread_fence(std::memory_order_seq_cst);
            wake(call.word, all);  // they are not moved, but look for themselves
            if (call.command() == FUTEX_WAKE_OP) wake(call.second, all);
            return pass_on(call);
        default:
            return pass_on(call);
    }
}

}  // namespace

int futex_wait_in_task(Scheduler& loop, const int* word, int expected, const Until& until,
                       unsigned bits, bool unseen, const char* what) noexcept {
    const int saved = errno;
    Sys& sys = hooks::sys(loop);
    Nanoseconds look = hooks::cancel_asked(loop) ? when_cancelled : first_look;
    for (;;) {
        const bool cancelled = hooks::cancel_asked(loop);
        TimePoint limit = until.next_look(sys);
        if (unseen || cancelled) limit = std::min(limit, coir::saturating_add(sys.now(), look));
        FutexWaiter waiter(word, expected);
        waiter.bits = bits;
        const Woken woken = hooks::park(loop, waiter, limit, true, what);
        errno = saved;
        if (waiter.differs) return EAGAIN;
        if (woken == Woken::no_memory) return ENOMEM;
        if (woken != Woken::timeout || cancelled) return 0;
        if (until.over(sys)) return ETIMEDOUT;
        look = std::min(look * 2, last_look);
    }
}

long anywhere::syscall(long number, long a, long b, long c, long d, long e, long f) {
    if (number != SYS_futex) [[likely]] return real::syscall(number, a, b, c, d, e, f);
    return futex({reinterpret_cast<int*>(a), static_cast<int>(b), static_cast<unsigned>(c),
                  reinterpret_cast<const timespec*>(d), reinterpret_cast<void*>(e),
                  static_cast<unsigned>(f)});
}

}  // namespace coir_legacy
