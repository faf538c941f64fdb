// SPDX-License-Identifier: BSL-1.0
// Functions in which a thread may be cancelled. Those of streams, descriptors, children and signals
// are libcoir-legacy's own lists; joins are in join.cpp.
//
// This file is also read by the preprocessor alone (libcoir-deep.map.in).
#pragma once

#include "../legacy/symbols_io.hpp"
#include "../legacy/symbols_processes.hpp"

// clang-format off
#define COIR_DEEP_SLEEPS(X) \
    X(sleep, sleep, -1, unsigned, (unsigned seconds), (seconds)) \
    X(usleep, sleep, -1, int, (useconds_t microseconds), (microseconds)) \
    X(nanosleep, sleep, -1, int, (const timespec* duration, timespec* left), (duration, left)) \
    X(clock_nanosleep, sleep, -1, int, (clockid_t clock, int flags, const timespec* duration, timespec* left), (clock, flags, duration, left)) \
    X(pthread_cond_wait, locks, -1, int, (pthread_cond_t* condition, pthread_mutex_t* mutex), (condition, mutex)) \
    X(pthread_cond_timedwait, locks, -1, int, (pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until), (condition, mutex, until)) \
    X(pthread_cond_clockwait, locks, -1, int, (pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock, const timespec* until), (condition, mutex, clock, until))
#define COIR_DEEP_CHILDREN(X) \
    X(wait, proc, -1, pid_t, (int* status), (status)) \
    X(waitpid, proc, -1, pid_t, (pid_t pid, int* status, int options), (pid, status, options)) \
    X(waitid, proc, -1, int, (idtype_t which, id_t id, siginfo_t* info, int options), (which, id, info, options))
#define COIR_DEEP_SEMAPHORES(X) \
    X(sem_wait, locks, -1, int, (sem_t* semaphore), (semaphore)) \
    X(sem_timedwait, locks, -1, int, (sem_t* semaphore, const timespec* until), (semaphore, until)) \
    X(sem_clockwait, locks, -1, int, (sem_t* semaphore, clockid_t clock, const timespec* until), (semaphore, clock, until))
// clang-format on

/// They give something: a request is acted upon afterwards only where they gave nothing.
#define COIR_DEEP_GIVING_POINTS(X) \
    COIR_LEGACY_STREAM_SYMBOLS(X)  \
    COIR_LEGACY_POLL_SYMBOLS(X)    \
    COIR_LEGACY_SIGNAL_SYMBOLS(X)  \
    COIR_DEEP_CHILDREN(X)          \
    COIR_DEEP_SEMAPHORES(X)
#define COIR_DEEP_POINTS(X)    \
    COIR_DEEP_GIVING_POINTS(X) \
    COIR_DEEP_SLEEPS(X)
