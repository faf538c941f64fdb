// SPDX-License-Identifier: BSL-1.0
// pthread_cond_*: tasks wait in the table, threads in libc's own condition variable. A signal goes to
// a task if one waits, else to the threads; a broadcast to all.
//
// A wait that is cancelled ends as one that was woken for nothing, with the mutex held; the request
// stays pending. As long as it does, a wait lasts 10 ms at most: loops that look at their condition
// go on waiting, and those that look whether they are to end can.
//
// A thread's wait gives the mutex back inside libc, where the wrappers do not see it: tasks that want
// the mutex look for themselves meanwhile (ReleasesUnseen).
#include "condition.hpp"

#include "anywhere.hpp"
#include "mutex.hpp"

#include <algorithm>
#include <utility>

namespace coir_legacy {
namespace {

constexpr Nanoseconds pause = std::chrono::milliseconds(10);

// Flags in libc's condition variables.
constexpr unsigned process_shared = 1;
constexpr unsigned monotonic = 2;

unsigned flags_of(const pthread_cond_t& condition) noexcept {
    return __atomic_load_n(&condition.__data.__wrefs, __ATOMIC_RELAXED);
}

// Gives the mutex back when it stands in the queue, and not before.
struct SignalWaiter : Waiter {
    SignalWaiter(const void* at, pthread_mutex_t* with) noexcept : Waiter(at), mutex(with) {
        stand_in_line = std::exchange(Parking::join, &join);
    }
    static bool join(hooks::Parking& parking) noexcept {
        auto& self = static_cast<SignalWaiter&>(parking);
        self.stand_in_line(self);
        self.error = unlock_mutex(self.mutex);
        // Not the owner's: unless it has been signalled meanwhile, it need not wait.
        return self.error == 0 || !self.withdraw(self);
    }
    bool (*stand_in_line)(hooks::Parking&) noexcept;
    pthread_mutex_t* mutex;
    int error = 0;
};

template <class Wait>
int wait_as_thread(pthread_mutex_t* mutex, Wait&& wait) {
    const ReleasesUnseen unseen(mutex);
    return wait();
}

}  // namespace

clockid_t clock_of(const pthread_cond_t& condition) noexcept {
    return (flags_of(condition) & monotonic) != 0 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

int wait_for_signal(Scheduler& loop, pthread_cond_t* condition, pthread_mutex_t* mutex,
                    const Until& until, const char* what) noexcept {
    if (const int error = until.check()) return error;
    const int saved = errno;
    Sys& sys = hooks::sys(loop);
    TimePoint limit = until.next_look(sys);
    if ((flags_of(*condition) & process_shared) != 0 || hooks::cancel_asked(loop)) {
        limit = std::min(limit, coir::saturating_add(sys.now(), pause));
    }
    SignalWaiter waiter(condition, mutex);
    const Woken woken = hooks::park(loop, waiter, limit, true, what);
    if (waiter.error != 0) return waiter.error;
    if (woken == Woken::no_memory) return ENOMEM;  // has not given the mutex back
    const bool late = woken == Woken::timeout && until.over(sys);
    const int error = lock_mutex(loop, mutex, {}, what);
    errno = saved;
    if (error != 0) return error;
    return late ? ETIMEDOUT : 0;
}

bool signal_task(pthread_cond_t* condition) noexcept { return wake(condition, 1) != 0; }
void signal_all_tasks(pthread_cond_t* condition) noexcept { wake(condition, all); }

namespace anywhere {

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
    if (Scheduler* loop = suspendable_by_locks()) {
        return wait_for_signal(*loop, condition, mutex, {}, "pthread_cond_wait");
    }
    return wait_as_thread(mutex, [&] { return real::pthread_cond_wait(condition, mutex); });
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* until) {
    if (Scheduler* loop = suspendable_by_locks()) {
        return wait_for_signal(*loop, condition, mutex, {clock_of(*condition), until},
                               "pthread_cond_timedwait");
    }
    return wait_as_thread(mutex,
                          [&] { return real::pthread_cond_timedwait(condition, mutex, until); });
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* until) {
    if (Scheduler* loop = suspendable_by_locks()) {
        return wait_for_signal(*loop, condition, mutex, {clock, until}, "pthread_cond_clockwait");
    }
    return wait_as_thread(
        mutex, [&] { return real::pthread_cond_clockwait(condition, mutex, clock, until); });
}

int pthread_cond_signal(pthread_cond_t* condition) {
    return signal_task(condition) ? 0 : real::pthread_cond_signal(condition);
}

int pthread_cond_broadcast(pthread_cond_t* condition) {
    signal_all_tasks(condition);
    return real::pthread_cond_broadcast(condition);
}

}  // namespace anywhere
}  // namespace coir_legacy
