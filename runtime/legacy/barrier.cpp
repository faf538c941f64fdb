// SPDX-License-Identifier: BSL-1.0
// pthread_barrier_*. Libc's barrier would need a blocked thread for every task, so a barrier of this
// process is one of our own for everybody, threads too: a table {barrier, count, arrived}, filled by
// pthread_barrier_init(). Barriers between processes stay libc's, and tasks wait for them on a pool
// thread.
#include "acquire.hpp"
#include "anywhere.hpp"
#include "fork.hpp"

#include <climits>
#include <new>
#include <utility>

#include <pthread.h>

namespace coir_legacy {
namespace {

// Never freed, but used again: a barrier may be destroyed as soon as somebody has been let through,
// when others have not yet seen that its round is over.
struct Barrier {
    const void* address = nullptr;
    unsigned count = 0;
    unsigned arrived = 0;
    std::atomic<std::uint32_t> round{0};  // only ever grows
    Barrier* next = nullptr;
};

// Of all barriers: there are few.
constinit std::atomic<std::uint32_t> table_word{0};
constinit Barrier* barriers = nullptr;
constinit Barrier* spare = nullptr;

Barrier** find_locked(const void* address) noexcept {
    Barrier** at = &barriers;
    while (*at && (*at)->address != address) at = &(*at)->next;
    return at;
}

Barrier* find(const void* address) noexcept {
    const coir::detail::WordLock lock(table_word);
    return *find_locked(address);
}

bool is_process_shared(const pthread_barrierattr_t* attributes) noexcept {
    int shared = PTHREAD_PROCESS_PRIVATE;
    return attributes && ::pthread_barrierattr_getpshared(attributes, &shared) == 0 &&
           shared == PTHREAD_PROCESS_SHARED;
}

// Counts somebody in. True: it is the last one, and the others go on.
bool arrive(Barrier& barrier, std::uint32_t& round) noexcept {
    {
        const coir::detail::WordLock lock(table_word);
        round = barrier.round.load(std::memory_order_relaxed);
        if (++barrier.arrived < barrier.count) return false;
        barrier.arrived = 0;
        barrier.round.fetch_add(1, std::memory_order_seq_cst);
    }
    coir::detail::futex_wake(barrier.round, INT_MAX);
    wake(&barrier, all);
    return true;
}

struct RoundWaiter : Waiter {
    RoundWaiter(Barrier& at, std::uint32_t arrived_in) noexcept
        : Waiter(&at), barrier(at), round(arrived_in) {
        must_wait = [](Waiter& waiter) noexcept {
            auto& self = static_cast<RoundWaiter&>(waiter);
            return self.barrier.round.load(std::memory_order_seq_cst) == self.round;
        };
    }
    Barrier& barrier;
    const std::uint32_t round;
};

int wait(Scheduler* loop, Barrier& barrier) noexcept {
    std::uint32_t round = 0;
    if (arrive(barrier, round)) return PTHREAD_BARRIER_SERIAL_THREAD;
    while (barrier.round.load(std::memory_order_acquire) == round) {
        if (loop) {
            RoundWaiter waiter(barrier, round);
            static_cast<void>(
                hooks::park(*loop, waiter, coir::never, false, "pthread_barrier_wait"));
        } else {
            coir::detail::futex_wait(barrier.round, round);
        }
    }
    return 0;
}

int wait_in_pool(Scheduler& loop, pthread_barrier_t* barrier) noexcept {
    struct Call {
        pthread_barrier_t* barrier;
        int result;
    } call{barrier, 0};
    const auto work = [](void* argument) {
        auto& self = *static_cast<Call*>(argument);
        self.result = real::pthread_barrier_wait(self.barrier);
    };
    if (!hooks::run_waiting_job(loop, work, &call, "pthread_barrier_wait")) work(&call);
    return call.result;
}

void forget(const void* address) noexcept {
    const coir::detail::WordLock lock(table_word);
    Barrier** const at = find_locked(address);
    Barrier* const gone = *at;
    if (!gone) return;
    *at = gone->next;
    gone->next = std::exchange(spare, gone);
}

Barrier* take_spare() noexcept {
    const coir::detail::WordLock lock(table_word);
    return spare ? std::exchange(spare, spare->next) : nullptr;
}

int remember(const void* address, unsigned count) noexcept {
    Barrier* added = take_spare();
    if (!added) added = new (std::nothrow) Barrier;
    if (!added) return ENOMEM;
    const coir::detail::WordLock lock(table_word);
    added->address = address;
    added->count = count;
    added->arrived = 0;
    added->next = std::exchange(barriers, added);
    return 0;
}

}  // namespace

void lock_barriers() noexcept { coir::detail::lock_word(table_word); }
void unlock_barriers() noexcept { coir::detail::unlock_word(table_word); }

namespace anywhere {

int pthread_barrier_init(pthread_barrier_t* barrier, const pthread_barrierattr_t* attributes,
                         unsigned count) {
    forget(barrier);
    const int result = real::pthread_barrier_init(barrier, attributes, count);
    if (result != 0 || is_process_shared(attributes) || !locks_enabled()) return result;
    return remember(barrier, count);
}

int pthread_barrier_destroy(pthread_barrier_t* barrier) {
    forget(barrier);
    return real::pthread_barrier_destroy(barrier);
}

int pthread_barrier_wait(pthread_barrier_t* barrier) {
    Scheduler* const loop = suspendable_by_locks();
    if (Barrier* ours = find(barrier)) return wait(loop, *ours);
    return loop ? wait_in_pool(*loop, barrier) : real::pthread_barrier_wait(barrier);
}

}  // namespace anywhere
}  // namespace coir_legacy
