// SPDX-License-Identifier: BSL-1.0
// pthread_mutex_*: normal and adaptive ones as acquire.hpp says, recursive ones and those that check
// for errors as owned_locks.hpp says.
//
// Priority inheritance, priority ceilings and robust mutexes are between the kernel and the thread:
// they are taken as libc does it, which blocks the thread when they are busy.
//
// A cancel request does not end the wait for a mutex: the functions have no way to say so.
#include "mutex.hpp"

#include "anywhere.hpp"
#include "held_locks.hpp"
#include "owned_locks.hpp"

namespace coir_legacy {
namespace {

// Bits of a mutex's kind, which libc's static initializers make part of its ABI, and its flags.
constexpr int type_bits = 3;
constexpr int thread_bits = 16 | 32 | 64;  // robust, priority inheritance, priority ceiling
constexpr int mutex_is_shared = 128;

int kind_of(const pthread_mutex_t& mutex) noexcept {
    return __atomic_load_n(&mutex.__data.__kind, __ATOMIC_RELAXED);
}
bool is_owned(int kind) noexcept {
    return (kind & type_bits) == PTHREAD_MUTEX_RECURSIVE ||
           (kind & type_bits) == PTHREAD_MUTEX_ERRORCHECK;
}
bool is_of_threads(int kind) noexcept { return (kind & thread_bits) != 0; }

int real_try_lock(void* lock) noexcept {
    return real::pthread_mutex_trylock(static_cast<pthread_mutex_t*>(lock));
}
int real_unlock(void* lock) noexcept {
    return real::pthread_mutex_unlock(static_cast<pthread_mutex_t*>(lock));
}
constexpr OwnedKind recursive{true, &real_try_lock, &real_unlock};
constexpr OwnedKind checking{false, &real_try_lock, &real_unlock};
const OwnedKind& owned_kind(int kind) noexcept {
    return (kind & type_bits) == PTHREAD_MUTEX_RECURSIVE ? recursive : checking;
}

int try_mutex(const Wanted& wanted) noexcept { return real_try_lock(const_cast<void*>(wanted.lock)); }

int block_for_real(pthread_mutex_t* mutex, const Until& until) noexcept {
    static constinit std::atomic<bool> said{false};
    if (!said.exchange(true)) {
        hooks::warn_of_task("waits for a mutex that is robust or has to do with priorities: these "
                            "block the thread (said once)");
    }
    return until.call([&] { return real::pthread_mutex_lock(mutex); },
                      [&](clockid_t clock, const timespec* when) {
                          return real::pthread_mutex_clocklock(mutex, clock, when);
                      });
}

int lock_by_kind(Scheduler& loop, pthread_mutex_t* mutex, const Until& until,
                 const char* what) noexcept {
    const int kind = kind_of(*mutex);
    const bool unseen = (kind & mutex_is_shared) != 0;
    if (is_of_threads(kind)) {
        const int result = real_try_lock(mutex);
        return result == EBUSY ? block_for_real(mutex, until) : result;
    }
    if (is_owned(kind)) return lock_owned(loop, mutex, owned_kind(kind), until, unseen, what);
    if (const int result = real_try_lock(mutex); result != EBUSY) return result;
    if (const int error = until.check()) return error;
    Wanted wanted{mutex, &try_mutex, what, until};
    wanted.unseen = unseen;
    return acquire(loop, wanted);
}

}  // namespace

int lock_mutex(Scheduler& loop, pthread_mutex_t* mutex, const Until& until,
               const char* what) noexcept {
    const int result = lock_by_kind(loop, mutex, until, what);
    if (result == 0 || result == EOWNERDEAD) note_taken(mutex);
    return result;
}

int try_lock_mutex(Scheduler& loop, pthread_mutex_t* mutex) noexcept {
    const int kind = kind_of(*mutex);
    int result = 0;
    if (is_owned(kind) && !is_of_threads(kind)) {
        result = try_lock_owned(loop, mutex, owned_kind(kind));
    } else {
        result = real_try_lock(mutex);
        if (result == EBUSY) did_not_wait(loop);
    }
    if (result == 0 || result == EOWNERDEAD) note_taken(mutex);
    return result;
}

int unlock_mutex(pthread_mutex_t* mutex) noexcept {
    // Another thread may destroy it as soon as it is free: nothing is read of it afterwards.
    const int kind = kind_of(*mutex);
    note_given_back(mutex);
    if (is_owned(kind)) {
        switch (unlock_owned(mutex, owned_kind(kind))) {
            case Unlocked::not_owner: return EPERM;
            case Unlocked::released:
            case Unlocked::still_held: return 0;
            case Unlocked::unknown: break;
        }
    }
    const int result = real::pthread_mutex_unlock(mutex);
    wake(mutex, 1);
    return result;
}

int anywhere::pthread_mutex_unlock(pthread_mutex_t* mutex) { return unlock_mutex(mutex); }

}  // namespace coir_legacy

namespace coir::inline v0::detail::calls::in_task {

using namespace coir_legacy;

int pthread_mutex_lock(Scheduler& loop, pthread_mutex_t* mutex) {
    return lock_mutex(loop, mutex, {}, "pthread_mutex_lock");
}

int pthread_mutex_trylock(Scheduler& loop, pthread_mutex_t* mutex) {
    return try_lock_mutex(loop, mutex);
}

int pthread_mutex_timedlock(Scheduler& loop, pthread_mutex_t* mutex, const timespec* until) {
    return lock_mutex(loop, mutex, {CLOCK_REALTIME, until}, "pthread_mutex_timedlock");
}

int pthread_mutex_clocklock(Scheduler& loop, pthread_mutex_t* mutex, clockid_t clock,
                            const timespec* until) {
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME) return EINVAL;
    return lock_mutex(loop, mutex, {clock, until}, "pthread_mutex_clocklock");
}

}  // namespace coir::inline v0::detail::calls::in_task
