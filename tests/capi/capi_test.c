/* SPDX-License-Identifier: BSL-1.0
 * The C API as a C99 program uses it. Runs once per reactor (COIR_TEST_REACTOR). */
#define _DEFAULT_SOURCE 1 /* POSIX, with -std=c99 */
#include "check.h"

#include <coir/coir.h>

#include <stdlib.h>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int failures = 0;
int checks = 0;

char order[64];
void note(char c) {
    const size_t length = strlen(order);
    if (length + 1 < sizeof order) {
        order[length] = c;
        order[length + 1] = '\0';
    }
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void nothing(void *arg) { (void)arg; }
static void sleep_long(void *arg) {
    int *error = arg;
    CHECK(coir_sleep_ns(3600000 * MS) == -1);
    *error = errno;
}

/* --- Tasks --- */

static void say(void *arg) {
    note(*(char *)arg);
    CHECK(coir_yield() == 0);
    note(*(char *)arg);
}

static void self_is(void *arg) { *(coir_task **)arg = coir_self(); }

static void test_tasks(void) {
    char a = 'a', b = 'b';
    int error = 0;
    coir_attr attr = COIR_ATTR_INIT;
    coir_task *self = NULL;
    coir_task *first, *second;
    order[0] = '\0';
    first = coir_spawn(say, &a, NULL);
    attr.name = "second";
    attr.stack_size = 65536;
    second = coir_spawn(say, &b, &attr);
    CHECK(first && second);
    CHECK(coir_join(first, -1) == COIR_RETURNED);
    CHECK(coir_join(second, 1000 * MS) == COIR_RETURNED);
    CHECK(strcmp(order, "abab") == 0);

    first = coir_spawn(self_is, &self, NULL);
    CHECK(coir_join(first, -1) == 0 && self == first);
    CHECK(coir_in_task() == 1 && coir_self() != NULL);

    first = coir_spawn(sleep_long, &error, NULL);
    CHECK(coir_yield() == 0);
    FAILS(coir_join(first, 1 * MS), ETIMEDOUT);
    FAILS(coir_join(first, 0), ETIMEDOUT);
    CHECK(coir_cancel(first) == 0);
    CHECK(coir_join(first, -1) == COIR_RETURNED);
    CHECK(error == ECANCELED);

    first = coir_spawn(sleep_long, &error, NULL); /* cancelled before its first step */
    error = 0;
    CHECK(coir_cancel(first) == 0);
    CHECK(coir_join(first, -1) == COIR_NEVER_RAN);
    CHECK(error == 0);

    first = coir_spawn(nothing, NULL, NULL);
    CHECK(coir_yield() == 0);
    FAILS(coir_cancel(first), ESRCH);
    CHECK(coir_detach(first) == 0);

    FAILS(coir_join(coir_self(), -1), EDEADLK);
    FAILS(coir_join(NULL, -1), EINVAL);
    FAILS(coir_cancel(NULL), EINVAL);
    FAILS(coir_detach(NULL), EINVAL);
    IS_NULL(coir_spawn(NULL, NULL, NULL), EINVAL);
    attr.size = 1;
    IS_NULL(coir_spawn(nothing, NULL, &attr), EINVAL);
    attr.size = sizeof attr;
    attr.stack_size = 1;
    IS_NULL(coir_spawn(nothing, NULL, &attr), EINVAL);
    FAILS(coir_run(nothing, NULL, NULL), EPERM); /* inside a loop */
}

/* --- Cancellation is not used up by C calls --- */

static coir_event *never;
static void fails_every_time(void *arg) {
    int i;
    char byte;
    struct pollfd entry;
    int *ends = arg;
    FAILS(coir_event_wait(never, -1), ECANCELED);
    for (i = 0; i < 3; ++i) {
        FAILS(coir_event_wait(never, 1000 * MS), ECANCELED);
        FAILS(coir_yield(), ECANCELED);
        FAILS(coir_sleep_ns(1), ECANCELED);
        FAILS(coir_read(ends[0], &byte, 1), ECANCELED);
        FAILS(coir_wait_fd(ends[0], POLLIN, -1), ECANCELED);
        entry.fd = ends[0];
        entry.events = POLLIN;
        FAILS(coir_poll(&entry, 1, 1000), ECANCELED);
        FAILS(coir_usleep(1000), ECANCELED);
        FAILS(coir_to_thread(nothing, NULL), ECANCELED);
        FAILS(coir_with_timeout(1000 * MS, nothing, NULL), ECANCELED);
    }
    /* What needs no waiting goes on. */
    CHECK(coir_write(ends[1], "x", 1) == 1);
    CHECK(coir_event_set(never) == 0 && coir_event_clear(never) == 0);
    note('c');
}

static void test_cancellation(void) {
    int ends[2];
    coir_task *task;
    order[0] = '\0';
    never = coir_event_new();
    CHECK(pipe(ends) == 0);
    task = coir_spawn(fails_every_time, ends, NULL);
    CHECK(coir_yield() == 0);
    CHECK(coir_cancel(task) == 0);
    CHECK(coir_join(task, -1) == COIR_RETURNED);
    CHECK(strcmp(order, "c") == 0);
    CHECK(coir_event_free(never) == 0);
    close(ends[0]);
    close(ends[1]);
}

/* --- Timeouts --- */

static void sleeps_twice(void *arg) {
    int *errors = arg;
    errors[0] = coir_sleep_ns(3600000 * MS) == -1 ? errno : 0;
    errors[1] = coir_sleep_ns(3600000 * MS) == -1 ? errno : 0;
}
static void inner_timeout(void *arg) {
    (void)arg;
    FAILS(coir_with_timeout(1 * MS, sleeps_twice, (int[2]){0, 0}), ETIMEDOUT);
    CHECK(coir_sleep_ns(1) == 0); /* the outer one has not expired */
    note('i');
}
static void sleep_a_little(void *arg) {
    (void)arg;
    CHECK(coir_sleep_ns(1 * MS) == 0);
}

static void test_timeouts(void) {
    int errors[2] = {0, 0};
    const int64_t start = now_ns();
    order[0] = '\0';
    FAILS(coir_with_timeout(2 * MS, sleeps_twice, errors), ETIMEDOUT);
    CHECK(errors[0] == ECANCELED && errors[1] == ECANCELED);
    CHECK(now_ns() - start < 3600000 * MS);
    CHECK(coir_yield() == 0); /* nothing is left of it */
    CHECK(coir_with_timeout(1000 * MS, sleep_a_little, NULL) == 0);
    CHECK(coir_with_timeout(-1, sleep_a_little, NULL) == 0);
    CHECK(coir_with_timeout(1000 * MS, inner_timeout, NULL) == 0);
    CHECK(strcmp(order, "i") == 0);
    FAILS(coir_with_timeout(1, NULL, NULL), EINVAL);
    CHECK(coir_sleep_ns(-5) == 0);
}

/* --- Groups --- */

static void count_up(void *arg) {
    int *count = arg;
    CHECK(coir_yield() == 0);
    ++*count;
}
static void group_until_cancelled(void *arg) {
    int *result = arg;
    coir_group *group = coir_group_new();
    int errors[3] = {0, 0, 0};
    int i;
    for (i = 0; i < 3; ++i) CHECK(coir_group_spawn(group, sleep_long, &errors[i], NULL) == 0);
    FAILS(coir_group_wait(group, -1), ECANCELED);
    for (i = 0; i < 3; ++i) CHECK(errors[i] == ECANCELED);
    *result = 1;
    CHECK(coir_group_free(group) == 0);
}

static void test_groups(void) {
    int count = 0, i;
    int errors[2] = {0, 0};
    int result = 0;
    coir_task *task;
    coir_group *group = coir_group_new();
    CHECK(group != NULL);
    CHECK(coir_group_wait(group, -1) == 0); /* of nobody */
    for (i = 0; i < 100; ++i) CHECK(coir_group_spawn(group, count_up, &count, NULL) == 0);
    CHECK(coir_group_wait(group, -1) == 0);
    CHECK(count == 100);
    CHECK(coir_group_spawn(group, sleep_long, &errors[0], NULL) == 0);
    FAILS(coir_group_wait(group, 1 * MS), ETIMEDOUT);
    CHECK(coir_group_cancel(group) == 0);
    FAILS(coir_group_spawn(group, nothing, NULL, NULL), ECANCELED);
    CHECK(coir_group_wait(group, -1) == 0);
    CHECK(errors[0] == ECANCELED);
    CHECK(coir_group_spawn(group, sleep_long, &errors[1], NULL) == 0); /* free ends it */
    CHECK(coir_yield() == 0);
    CHECK(coir_group_free(group) == 0);
    CHECK(errors[1] == ECANCELED);
    task = coir_spawn(group_until_cancelled, &result, NULL);
    CHECK(coir_sleep_ns(1 * MS) == 0);
    CHECK(coir_cancel(task) == 0);
    CHECK(coir_join(task, -1) == COIR_RETURNED);
    CHECK(result == 1);
    FAILS(coir_group_wait(NULL, -1), EINVAL);
    FAILS(coir_group_cancel(NULL), EINVAL);
    FAILS(coir_group_spawn(NULL, nothing, NULL, NULL), EINVAL);
    CHECK(coir_group_free(NULL) == 0);
}

/* In a child, for it ends the process. */
static void suspends_in_region(void *arg) {
    (void)arg;
    if (coir_no_suspend_begin() == 0) coir_sleep_ns(1);
}

static void all(void *arg) {
    ++*(int *)arg;
    test_tasks();
    test_cancellation();
    test_timeouts();
    test_groups();
    test_sync();
    test_channels();
    test_locals();
    test_descriptors();
    test_network();
    test_threads_and_time();
    test_regions();
    test_looking();
    test_switches();
}

static void test_outside(void) {
    struct timespec pause = {0, 1000};
    int ends[2];
    char byte;
    coir_stats_t stats;
    coir_options options = COIR_OPTIONS_INIT;
    coir_mutex *lock = coir_mutex_new();
    coir_event *flag = coir_event_new();
    CHECK(strchr(coir_version(), '.') != NULL);
    CHECK(coir_in_task() == 0 && coir_self() == NULL);
    IS_NULL(coir_spawn(nothing, NULL, NULL), EPERM);
    IS_NULL(coir_group_new(), EPERM);
    FAILS(coir_yield(), EPERM);
    FAILS(coir_sleep_ns(1), EPERM);
    FAILS(coir_with_timeout(1, nothing, NULL), EPERM);
    FAILS(coir_mutex_lock(lock), EPERM);
    FAILS(coir_event_wait(flag, 0), EPERM);
    FAILS(coir_wait_fd(0, POLLIN, 0), EPERM);
    FAILS(coir_to_thread(nothing, NULL), EPERM);
    FAILS(coir_loop_fd(), EPERM);
    stats.size = sizeof stats;
    FAILS(coir_stats(&stats), EPERM);
    FAILS(coir_dump_tasks(1), EPERM);
    FAILS(coir_on_switch(nothing, NULL, NULL), EPERM);
    FAILS(coir_no_suspend_begin(), EPERM);
    CHECK(coir_blocking_begin() == 0 && coir_blocking_end() == 0);
    CHECK(coir_mutex_free(lock) == 0 && coir_event_free(flag) == 0);
    /* libc's calls are libc's. */
    CHECK(pipe(ends) == 0);
    CHECK(coir_write(ends[1], "x", 1) == 1 && coir_read(ends[0], &byte, 1) == 1);
    CHECK(coir_nanosleep(&pause, NULL) == 0 && coir_usleep(1) == 0);
    CHECK(coir_close(ends[0]) == 0 && coir_close(ends[1]) == 0);
    FAILS(coir_run(NULL, NULL, NULL), EINVAL);
    options.size = 1;
    FAILS(coir_run(nothing, NULL, &options), EINVAL);
    options.size = sizeof options;
    options.reactor = "no such reactor";
    FAILS(coir_run(nothing, NULL, &options), EINVAL);
    options.reactor = NULL;
    options.stack_size = 1;
    FAILS(coir_run(nothing, NULL, &options), EINVAL);
}

static void waits_for_nothing(void *arg) {
    coir_event *flag = arg;
    coir_event_wait(flag, -1);
}

int main(void) {
    const char *reactor = getenv("COIR_TEST_REACTOR");
    coir_options options = COIR_OPTIONS_INIT;
    int ran = 0, status = 0;
    coir_event *flag;
    pid_t child;
    options.reactor = reactor ? reactor : "auto";
    test_outside();
    CHECK(coir_run(all, &ran, &options) == 0);
    CHECK(ran == 1);
    flag = coir_event_new();
    options.fail_on_deadlock = 1;
    FAILS(coir_run(waits_for_nothing, flag, &options), EDEADLK);
    CHECK(coir_event_free(flag) == 0);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        freopen("/dev/null", "w", stderr);
        coir_run(suspends_in_region, NULL, &options);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    printf("coir-tests: %d passed, %d failed, 0 skipped\n", failures == 0 ? 1 : 0,
           failures == 0 ? 0 : 1);
    printf("%d checks, %d failures\n", checks, failures);
    return failures == 0 ? 0 : 1;
}
