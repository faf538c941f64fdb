/* SPDX-License-Identifier: BSL-1.0
 * Assertions for the C programs: a failed one is printed and counted. */
#ifndef COIR_TESTS_CAPI_CHECK_H
#define COIR_TESTS_CAPI_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

extern int failures;
extern int checks;

#define CHECK(condition)                                                              \
    do {                                                                              \
        ++checks;                                                                     \
        if (!(condition)) {                                                           \
            ++failures;                                                               \
            printf("%s:%d: failed: %s (errno: %s)\n", __FILE__, __LINE__, #condition, \
                   strerror(errno));                                                  \
        }                                                                             \
    } while (0)

/* That a call fails with this errno. */
#define FAILS(call, number)        \
    do {                           \
        errno = 0;                 \
        CHECK((call) == -1);       \
        CHECK(errno == (number));  \
    } while (0)
#define IS_NULL(call, number)      \
    do {                           \
        errno = 0;                 \
        CHECK((call) == NULL);     \
        CHECK(errno == (number));  \
    } while (0)

#define MS ((int64_t)1000000)

/* What tasks have noted, in order; cleared by `order[0] = 0`. */
extern char order[64];
void note(char c);
/* A task that does nothing. */
void nothing(void *arg);

void test_sync(void);
void test_channels(void);
void test_locals(void);
void test_descriptors(void);
void test_network(void);
void test_threads_and_time(void);
void test_regions(void);
void test_looking(void);
void test_switches(void);

#endif
