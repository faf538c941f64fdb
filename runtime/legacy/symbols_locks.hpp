// SPDX-License-Identifier: BSL-1.0
// Locks, condition variables, semaphores, and waiting for threads. See symbols.hpp. Category `wakes`:
// what may end the wait of a task, whoever calls it.
#pragma once

// clang-format off
#define COIR_LEGACY_MUTEX_SYMBOLS(X) \
    X(pthread_mutex_lock, locks, -1, int, (pthread_mutex_t* mutex), (mutex)) \
    X(pthread_mutex_trylock, locks, -1, int, (pthread_mutex_t* mutex), (mutex)) \
    X(pthread_mutex_timedlock, locks, -1, int, (pthread_mutex_t* mutex, const timespec* until), (mutex, until)) \
    X(pthread_mutex_clocklock, locks, -1, int, (pthread_mutex_t* mutex, clockid_t clock, const timespec* until), (mutex, clock, until)) \
    X(pthread_mutex_unlock, wakes, -1, int, (pthread_mutex_t* mutex), (mutex)) \
    X(mtx_lock, locks, -1, int, (mtx_t* mutex), (mutex)) \
    X(mtx_timedlock, locks, -1, int, (mtx_t* mutex, const timespec* until), (mutex, until)) \
    X(mtx_trylock, locks, -1, int, (mtx_t* mutex), (mutex)) \
    X(mtx_unlock, wakes, -1, int, (mtx_t* mutex), (mutex))

#define COIR_LEGACY_CONDITION_SYMBOLS(X) \
    X(pthread_cond_wait, wakes, -1, int, (pthread_cond_t* condition, pthread_mutex_t* mutex), (condition, mutex)) \
    X(pthread_cond_timedwait, wakes, -1, int, (pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until), (condition, mutex, until)) \
    X(pthread_cond_clockwait, wakes, -1, int, (pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock, const timespec* until), (condition, mutex, clock, until)) \
    X(pthread_cond_signal, wakes, -1, int, (pthread_cond_t* condition), (condition)) \
    X(pthread_cond_broadcast, wakes, -1, int, (pthread_cond_t* condition), (condition)) \
    X(cnd_wait, wakes, -1, int, (cnd_t* condition, mtx_t* mutex), (condition, mutex)) \
    X(cnd_timedwait, wakes, -1, int, (cnd_t* condition, mtx_t* mutex, const timespec* until), (condition, mutex, until)) \
    X(cnd_signal, wakes, -1, int, (cnd_t* condition), (condition)) \
    X(cnd_broadcast, wakes, -1, int, (cnd_t* condition), (condition))

#define COIR_LEGACY_OTHER_LOCK_SYMBOLS(X) \
    X(pthread_rwlock_rdlock, locks, -1, int, (pthread_rwlock_t* lock), (lock)) \
    X(pthread_rwlock_tryrdlock, locks, -1, int, (pthread_rwlock_t* lock), (lock)) \
    X(pthread_rwlock_timedrdlock, locks, -1, int, (pthread_rwlock_t* lock, const timespec* until), (lock, until)) \
    X(pthread_rwlock_clockrdlock, locks, -1, int, (pthread_rwlock_t* lock, clockid_t clock, const timespec* until), (lock, clock, until)) \
    X(pthread_rwlock_wrlock, locks, -1, int, (pthread_rwlock_t* lock), (lock)) \
    X(pthread_rwlock_trywrlock, locks, -1, int, (pthread_rwlock_t* lock), (lock)) \
    X(pthread_rwlock_timedwrlock, locks, -1, int, (pthread_rwlock_t* lock, const timespec* until), (lock, until)) \
    X(pthread_rwlock_clockwrlock, locks, -1, int, (pthread_rwlock_t* lock, clockid_t clock, const timespec* until), (lock, clock, until)) \
    X(pthread_rwlock_unlock, wakes, -1, int, (pthread_rwlock_t* lock), (lock)) \
    X(sem_wait, locks, -1, int, (sem_t* semaphore), (semaphore)) \
    X(sem_trywait, locks, -1, int, (sem_t* semaphore), (semaphore)) \
    X(sem_timedwait, locks, -1, int, (sem_t* semaphore, const timespec* until), (semaphore, until)) \
    X(sem_clockwait, locks, -1, int, (sem_t* semaphore, clockid_t clock, const timespec* until), (semaphore, clock, until)) \
    X(sem_post, wakes, -1, int, (sem_t* semaphore), (semaphore)) \
    X(pthread_spin_lock, locks, -1, int, (pthread_spinlock_t* lock), (lock)) \
    X(pthread_spin_trylock, locks, -1, int, (pthread_spinlock_t* lock), (lock)) \
    X(pthread_barrier_init, wakes, -1, int, (pthread_barrier_t* barrier, const pthread_barrierattr_t* attributes, unsigned count), (barrier, attributes, count)) \
    X(pthread_barrier_destroy, wakes, -1, int, (pthread_barrier_t* barrier), (barrier)) \
    X(pthread_barrier_wait, wakes, -1, int, (pthread_barrier_t* barrier), (barrier)) \
    X(flockfile, locks, -1, void, (FILE* file), (file)) \
    X(ftrylockfile, locks, -1, int, (FILE* file), (file)) \
    X(funlockfile, wakes, -1, void, (FILE* file), (file))

#define COIR_LEGACY_ONCE_SYMBOLS(X) \
    X(pthread_once, locks, -1, int, (pthread_once_t* once, void (*initialize)()), (once, initialize)) \
    X(call_once, locks, -1, void, (once_flag* once, void (*initialize)()), (once, initialize)) \
    X(__cxa_guard_acquire, locks, -1, int, (long long* guard), (guard)) \
    X(__cxa_guard_release, wakes, -1, void, (long long* guard), (guard)) \
    X(__cxa_guard_abort, wakes, -1, void, (long long* guard), (guard)) \
    X(syscall, wakes, -1, long, (long number, long a, long b, long c, long d, long e, long f), (number, a, b, c, d, e, f))

#define COIR_LEGACY_JOIN_SYMBOLS(X) \
    X(pthread_join, locks, -1, int, (pthread_t thread, void** result), (thread, result)) \
    X(pthread_tryjoin_np, locks, -1, int, (pthread_t thread, void** result), (thread, result)) \
    X(pthread_timedjoin_np, locks, -1, int, (pthread_t thread, void** result, const timespec* until), (thread, result, until)) \
    X(pthread_clockjoin_np, locks, -1, int, (pthread_t thread, void** result, clockid_t clock, const timespec* until), (thread, result, clock, until)) \
    X(thrd_join, locks, -1, int, (thrd_t thread, int* result), (thread, result))
// clang-format on

#define COIR_LEGACY_LOCK_SYMBOLS(X)   \
    COIR_LEGACY_MUTEX_SYMBOLS(X)      \
    COIR_LEGACY_CONDITION_SYMBOLS(X)  \
    COIR_LEGACY_OTHER_LOCK_SYMBOLS(X) \
    COIR_LEGACY_ONCE_SYMBOLS(X)       \
    COIR_LEGACY_JOIN_SYMBOLS(X)
