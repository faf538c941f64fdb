/* SPDX-License-Identifier: BSL-1.0
   What the probes have in common. They print what they see: natively and as tasks it must be the same. */
#pragma once

#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), putchar('\n'), fflush(stdout))

/* The name of an error, so that lines say more than numbers. */
static inline const char* name_of(int error) { return error == 0 ? "0" : strerrorname_np(error); }

static inline pthread_t begin(void* (*start)(void*), void* argument) {
    pthread_t thread;
    const int error = pthread_create(&thread, NULL, start, argument);
    if (error != 0) {
        SAY("pthread_create: %s", name_of(error));
        exit(1);
    }
    return thread;
}

static inline void* end(pthread_t thread) {
    void* result = NULL;
    const int error = pthread_join(thread, &result);
    if (error != 0) SAY("pthread_join: %s", name_of(error));
    return result;
}

static inline struct timespec in_milliseconds(clockid_t clock, long milliseconds) {
    struct timespec when;
    clock_gettime(clock, &when);
    when.tv_nsec += milliseconds % 1000 * 1000000;
    when.tv_sec += milliseconds / 1000 + when.tv_nsec / 1000000000;
    when.tv_nsec %= 1000000000;
    return when;
}
