// SPDX-License-Identifier: BSL-1.0
// The guards of function-local static variables, in tasks. libstdc++'s own work for tasks, by
// syscall(), unless the process has had one thread only: then a second task at the same guard is
// taken for a recursion. So tasks do what libstdc++ does with threads, with its states:
//
//   0 --acquire--> running --release--> initialized
//                     |--abort--> 0
//                     `--somebody waits--> running | waited for
#include "anywhere.hpp"
#include "futex.hpp"

#include <climits>

#include <linux/futex.h>

namespace coir_legacy {
namespace {

constexpr int initialized = 1;
constexpr int running = 1 << 8;
constexpr int waited_for = 1 << 16;

int* word_of(long long* guard) noexcept { return reinterpret_cast<int*>(guard); }

bool change(int* word, int& expected, int desired) noexcept {
    return __atomic_compare_exchange_n(word, &expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

// By a task.
void leave(long long* guard, int state) noexcept {
    int* const word = word_of(guard);
    if ((__atomic_exchange_n(word, state, __ATOMIC_ACQ_REL) & waited_for) == 0) return;
    wake(word, all);
    real::syscall(SYS_futex, reinterpret_cast<long>(word), FUTEX_WAKE, INT_MAX, 0, 0, 0);
}

}  // namespace

namespace anywhere {

void __cxa_guard_release(long long* guard) {
    if (suspendable_by_locks()) return leave(guard, initialized);
    real::__cxa_guard_release(guard);
    wake(word_of(guard), all);
}

void __cxa_guard_abort(long long* guard) {
    if (suspendable_by_locks()) return leave(guard, 0);
    real::__cxa_guard_abort(guard);
    wake(word_of(guard), all);
}

}  // namespace anywhere
}  // namespace coir_legacy

namespace coir::inline v0::detail::calls::in_task {

using namespace coir_legacy;

int __cxa_guard_acquire(Scheduler& loop, long long* guard) {
    int* const word = word_of(guard);
    for (;;) {
        int state = 0;
        if (change(word, state, running)) return 1;
        if (state == initialized) return 0;
        if (state == running && !change(word, state, running | waited_for)) continue;
        static_cast<void>(futex_wait_in_task(loop, word, running | waited_for, {}, ~0u, false,
                                             "a static variable"));
    }
}

}  // namespace coir::inline v0::detail::calls::in_task
