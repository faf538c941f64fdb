/* SPDX-License-Identifier: BSL-1.0
 * The C API as a C99 program uses it: what tasks share, descriptors, regions, looking. */
#define _DEFAULT_SOURCE 1 /* POSIX, with -std=c99 */
#include "check.h"

#include <coir/coir.h>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* --- Mutexes, conditions, events, channels --- */

static coir_mutex *mutex;
static coir_cond *cond;
static coir_event *event;
static coir_channel *channel;
static int ready;

static void locked(void *arg) {
    CHECK(coir_mutex_lock(mutex) == 0);
    note(*(char *)arg);
    CHECK(coir_yield() == 0);
    note(*(char *)arg);
    CHECK(coir_mutex_unlock(mutex) == 0);
}
static void consumer(void *arg) {
    CHECK(coir_mutex_lock(mutex) == 0);
    while (!ready) CHECK(coir_cond_wait(cond, mutex, -1) == 0);
    --ready;
    note(*(char *)arg);
    CHECK(coir_mutex_unlock(mutex) == 0);
}
static void event_waiter(void *arg) {
    CHECK(coir_event_wait(event, -1) == 0);
    note(*(char *)arg);
}

void test_sync(void) {
    static char names[] = "abc";
    coir_group *group = coir_group_new();
    int i;
    order[0] = '\0';
    mutex = coir_mutex_new();
    cond = coir_cond_new();
    event = coir_event_new();
    for (i = 0; i < 2; ++i) CHECK(coir_group_spawn(group, locked, &names[i], NULL) == 0);
    CHECK(coir_yield() == 0);
    FAILS(coir_mutex_trylock(mutex), EBUSY);
    FAILS(coir_mutex_free(mutex), EBUSY);
    CHECK(coir_group_wait(group, -1) == 0);
    CHECK(strcmp(order, "aabb") == 0);
    FAILS(coir_mutex_unlock(mutex), EPERM);
    CHECK(coir_mutex_trylock(mutex) == 0);
    FAILS(coir_cond_wait(cond, mutex, 1 * MS), ETIMEDOUT);
    FAILS(coir_mutex_trylock(mutex), EBUSY); /* it is held again */
    CHECK(coir_mutex_unlock(mutex) == 0);
    FAILS(coir_cond_wait(cond, mutex, 0), EPERM);

    order[0] = '\0';
    for (i = 0; i < 3; ++i) CHECK(coir_group_spawn(group, consumer, &names[i], NULL) == 0);
    CHECK(coir_yield() == 0);
    FAILS(coir_cond_free(cond), EBUSY);
    CHECK(coir_mutex_lock(mutex) == 0);
    ready = 1;
    CHECK(coir_cond_signal(cond) == 0);
    CHECK(coir_mutex_unlock(mutex) == 0);
    CHECK(coir_sleep_ns(1 * MS) == 0);
    CHECK(strcmp(order, "a") == 0);
    CHECK(coir_mutex_lock(mutex) == 0);
    ready = 2;
    CHECK(coir_cond_broadcast(cond) == 0);
    CHECK(coir_mutex_unlock(mutex) == 0);
    CHECK(coir_group_wait(group, -1) == 0);
    CHECK(strcmp(order, "abc") == 0);

    order[0] = '\0';
    CHECK(coir_event_is_set(event) == 0);
    FAILS(coir_event_wait(event, 1 * MS), ETIMEDOUT);
    for (i = 0; i < 3; ++i) CHECK(coir_group_spawn(group, event_waiter, &names[i], NULL) == 0);
    CHECK(coir_yield() == 0);
    FAILS(coir_event_free(event), EBUSY);
    CHECK(coir_event_set(event) == 0 && coir_event_is_set(event) == 1);
    CHECK(coir_event_wait(event, 0) == 0);
    CHECK(coir_event_clear(event) == 0);
    CHECK(coir_group_wait(group, -1) == 0);
    CHECK(strcmp(order, "abc") == 0);

    FAILS(coir_mutex_lock(NULL), EINVAL);
    FAILS(coir_mutex_trylock(NULL), EINVAL);
    FAILS(coir_mutex_unlock(NULL), EINVAL);
    FAILS(coir_cond_wait(NULL, mutex, 0), EINVAL);
    FAILS(coir_cond_wait(cond, NULL, 0), EINVAL);
    FAILS(coir_cond_signal(NULL), EINVAL);
    FAILS(coir_cond_broadcast(NULL), EINVAL);
    FAILS(coir_event_wait(NULL, 0), EINVAL);
    FAILS(coir_event_set(NULL), EINVAL);
    FAILS(coir_event_clear(NULL), EINVAL);
    FAILS(coir_event_is_set(NULL), EINVAL);
    CHECK(coir_mutex_free(mutex) == 0 && coir_cond_free(cond) == 0 && coir_event_free(event) == 0);
    CHECK(coir_mutex_free(NULL) == 0 && coir_cond_free(NULL) == 0 && coir_event_free(NULL) == 0);
    CHECK(coir_group_free(group) == 0);
}

static void producer(void *arg) {
    int *numbers = arg;
    int i;
    for (i = 0; i < 10; ++i) CHECK(coir_channel_send(channel, &numbers[i], -1) == 0);
    CHECK(coir_channel_close(channel) == 0);
}

void test_channels(void) {
    int numbers[10];
    size_t capacity;
    void *item = NULL;
    int i;
    for (capacity = 0; capacity < 3; ++capacity) {
        coir_task *task;
        int sum = 0;
        for (i = 0; i < 10; ++i) numbers[i] = i + 1;
        channel = coir_channel_new(capacity);
        CHECK(channel != NULL);
        FAILS(coir_channel_receive(channel, &item, 1 * MS), ETIMEDOUT);
        task = coir_spawn(producer, numbers, NULL);
        while (coir_channel_receive(channel, &item, -1) == 1) sum = sum * 3 + *(int *)item;
        CHECK(sum == 44281); /* the order counts */
        CHECK(coir_join(task, -1) == 0);
        FAILS(coir_channel_send(channel, &sum, -1), EPIPE);
        CHECK(coir_channel_receive(channel, &item, -1) == 0);
        CHECK(coir_channel_free(channel) == 0);
    }
    channel = coir_channel_new(1);
    CHECK(coir_channel_send(channel, NULL, -1) == 0);
    FAILS(coir_channel_send(channel, NULL, 1 * MS), ETIMEDOUT);
    item = &channel;
    CHECK(coir_channel_receive(channel, &item, 0) == 1 && item == NULL);
    CHECK(coir_channel_free(channel) == 0);
    IS_NULL(coir_channel_new((size_t)-1), EINVAL);
    FAILS(coir_channel_send(NULL, NULL, 0), EINVAL);
    FAILS(coir_channel_receive(NULL, &item, 0), EINVAL);
    FAILS(coir_channel_close(NULL), EINVAL);
    CHECK(coir_channel_free(NULL) == 0);
}

/* --- Locals --- */

static coir_local *local;
static int destroyed;
static void destroy(void *value) { destroyed += *(int *)value; }
static void use_local(void *arg) {
    CHECK(coir_local_get(local) == NULL);
    CHECK(coir_local_set(local, arg) == 0);
    CHECK(coir_yield() == 0);
    CHECK(coir_local_get(local) == arg);
}

void test_locals(void) {
    int values[3] = {1, 10, 100};
    coir_group *group = coir_group_new();
    int i;
    destroyed = 0;
    local = coir_local_new(destroy);
    for (i = 0; i < 3; ++i) CHECK(coir_group_spawn(group, use_local, &values[i], NULL) == 0);
    CHECK(coir_group_wait(group, -1) == 0);
    CHECK(coir_yield() == 0);
    CHECK(destroyed == 111);
    CHECK(coir_local_get(local) == NULL);
    CHECK(coir_local_set(local, &values[0]) == 0);
    CHECK(coir_local_set(local, NULL) == 0);
    CHECK(coir_local_get(local) == NULL);
    CHECK(coir_local_set(local, &values[0]) == 0);
    CHECK(coir_local_free(local) == 0); /* the value is forgotten */
    local = coir_local_new(NULL);
    CHECK(coir_local_get(local) == NULL);
    CHECK(coir_local_free(local) == 0 && coir_local_free(NULL) == 0);
    FAILS(coir_local_set(NULL, NULL), EINVAL);
    CHECK(coir_local_get(NULL) == NULL);
    CHECK(coir_group_free(group) == 0);
}

/* --- Descriptors, threads, libc's calls --- */

static void echo(void *arg) {
    const int fd = *(int *)arg;
    char buffer[64];
    ssize_t size;
    while ((size = coir_recv(fd, buffer, sizeof buffer, 0)) > 0) {
        CHECK(coir_send(fd, buffer, (size_t)size, 0) == size);
    }
    CHECK(size == 0);
}
static void close_it(void *arg) { CHECK(coir_close(*(int *)arg) == 0); }
static void write_it(void *arg) {
    CHECK(coir_sleep_ns(1 * MS) == 0);
    CHECK(coir_write(*(int *)arg, "y", 1) == 1);
}

void test_descriptors(void) {
    int ends[2];
    char buffer[8];
    struct pollfd entry;
    fd_set set;
    struct timeval limit;
    coir_task *task;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    FAILS(coir_wait_fd(ends[0], POLLIN, 1 * MS), ETIMEDOUT);
    FAILS(coir_wait_fd(ends[0], POLLIN, 0), ETIMEDOUT);
    CHECK(coir_wait_fd(ends[0], POLLOUT, -1) == POLLOUT);
    FAILS(coir_wait_fd(ends[0], 0, 0), EINVAL);
    FAILS(coir_wait_fd(-1, POLLIN, 0), EBADF);
    task = coir_spawn(echo, &ends[1], NULL);
    CHECK(coir_write(ends[0], "ping", 4) == 4);
    CHECK(coir_read(ends[0], buffer, sizeof buffer) == 4 && memcmp(buffer, "ping", 4) == 0);
    CHECK(shutdown(ends[0], SHUT_WR) == 0);
    CHECK(coir_join(task, -1) == 0);
    CHECK((fcntl(ends[0], F_GETFL) & O_NONBLOCK) == 0);
    task = coir_spawn(write_it, &ends[1], NULL);
    entry.fd = ends[0];
    entry.events = POLLIN;
    CHECK(coir_poll(&entry, 1, -1) == 1 && entry.revents == POLLIN);
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    limit.tv_sec = 1;
    limit.tv_usec = 0;
    CHECK(coir_select(ends[0] + 1, &set, NULL, NULL, &limit) == 1);
    CHECK(coir_read(ends[0], buffer, 1) == 1);
    CHECK(coir_poll(&entry, 1, 1) == 0);
    CHECK(coir_join(task, -1) == 0);
    task = coir_spawn(close_it, &ends[0], NULL);
    FAILS(coir_wait_fd(ends[0], POLLIN, -1), EBADF);
    CHECK(coir_join(task, -1) == 0);
    close(ends[1]);
    FAILS(coir_read(-1, buffer, 1), EBADF);
    FAILS(coir_close(-1), EBADF);
}

static void serve(void *arg) {
    const int listener = *(int *)arg;
    int peer = coir_accept(listener, NULL, NULL);
    CHECK(peer >= 0);
    echo(&peer);
    CHECK(coir_close(peer) == 0);
}

void test_network(void) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    struct addrinfo *list = NULL;
    char host[64];
    char buffer[1024];
    struct passwd entry, *found = NULL;
    coir_task *task;
    int client;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 5) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    task = coir_spawn(serve, (void *)&listener, NULL);
    client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(coir_connect(client, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(coir_send(client, "hello", 5, 0) == 5);
    CHECK(coir_recv(client, buffer, 5, MSG_WAITALL) == 5 && memcmp(buffer, "hello", 5) == 0);
    CHECK(shutdown(client, SHUT_WR) == 0);
    CHECK(coir_recv(client, buffer, 1, 0) == 0);
    CHECK(coir_join(task, -1) == 0);
    CHECK(coir_close(client) == 0 && coir_close(listener) == 0);

    CHECK(coir_getaddrinfo("127.0.0.1", "80", NULL, &list) == 0 && list != NULL);
    freeaddrinfo(list);
    CHECK(coir_getnameinfo((struct sockaddr *)&address, sizeof address, host, sizeof host, NULL, 0,
                           NI_NUMERICHOST | NI_NUMERICSERV) == 0);
    CHECK(strcmp(host, "127.0.0.1") == 0);
    CHECK(coir_getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) == 0);
    CHECK(found == NULL || found->pw_uid == getuid());
    CHECK(coir_getpwnam_r("no-such-user-here", &entry, buffer, sizeof buffer, &found) == 0 ||
          errno != 0);
    CHECK(found == NULL);
}

static void on_thread(void *arg) {
    CHECK(coir_in_task() == 0);
    FAILS(coir_yield(), EPERM);
    *(int *)arg = 7;
}

void test_threads_and_time(void) {
    int value = 0;
    struct timespec pause = {0, 1000000}, left = {5, 5};
    CHECK(coir_to_thread(on_thread, &value) == 0);
    CHECK(value == 7);
    FAILS(coir_to_thread(NULL, NULL), EINVAL);
    CHECK(coir_usleep(100) == 0);
    CHECK(coir_sleep(0) == 0);
    CHECK(coir_nanosleep(&pause, &left) == 0);
    CHECK(coir_thrd_sleep(&pause, NULL) == 0);
    CHECK(coir_clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL) == 0);
    pause.tv_nsec = -1;
    FAILS(coir_nanosleep(&pause, NULL), EINVAL);
    CHECK(coir_clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL) == EINVAL);
    CHECK(coir_sched_yield() == 0 && coir_pthread_yield() == 0);
    coir_thrd_yield();
}

/* --- Regions, switches, looking --- */

static int others;
static void count_others(void *arg) {
    (void)arg;
    ++others;
}

void test_regions(void) {
    coir_task *task;
    struct timespec pause = {0, 1000000};
    others = 0;
    task = coir_spawn(count_others, NULL, NULL);
    CHECK(coir_blocking_begin() == 0 && coir_blocking_begin() == 0);
    CHECK(coir_nanosleep(&pause, NULL) == 0);
    CHECK(coir_usleep(1000) == 0);
    CHECK(others == 0); /* the thread slept */
    CHECK(coir_blocking_end() == 0 && coir_blocking_end() == 0);
    FAILS(coir_blocking_end(), EINVAL);
    CHECK(coir_no_suspend_begin() == 0);
    CHECK(coir_nanosleep(&pause, NULL) == 0);
    CHECK(others == 0);
    CHECK(coir_no_suspend_end() == 0);
    FAILS(coir_no_suspend_end(), EINVAL);
    CHECK(coir_join(task, -1) == 0);
    CHECK(others == 1);
}

static int thread_state; /* stands for what a library keeps per thread */
static coir_local *saved;
static void save(void *arg) {
    (void)arg;
    coir_local_set(saved, (void *)(intptr_t)thread_state);
}
static void restore(void *arg) {
    (void)arg;
    thread_state = (int)(intptr_t)coir_local_get(saved);
}
static void own_state(void *arg) {
    const int mine = *(int *)arg;
    int i;
    CHECK(thread_state == 0);
    thread_state = mine;
    for (i = 0; i < 200; ++i) {
        CHECK(coir_yield() == 0);
        if (thread_state != mine) break;
    }
    CHECK(thread_state == mine);
}

void test_switches(void) {
    int numbers[5] = {1, 2, 3, 4, 5};
    coir_group *group = coir_group_new();
    int i;
    saved = coir_local_new(NULL);
    thread_state = 42;
    FAILS(coir_on_switch(NULL, NULL, NULL), EINVAL);
    CHECK(coir_on_switch(save, restore, NULL) == 0);
    for (i = 0; i < 5; ++i) CHECK(coir_group_spawn(group, own_state, &numbers[i], NULL) == 0);
    CHECK(coir_group_wait(group, -1) == 0);
    CHECK(thread_state == 42);
    CHECK(coir_group_free(group) == 0);
    /* `saved` lives as long as the hooks. */
}

void test_looking(void) {
    coir_stats_t stats;
    int ends[2];
    char text[4096];
    ssize_t size;
    const int fd = coir_loop_fd();
    CHECK(fd >= 0 || errno == ENOTSUP);
    memset(&stats, 0, sizeof stats);
    FAILS(coir_stats(&stats), EINVAL);
    FAILS(coir_stats(NULL), EINVAL);
    stats.size = sizeof stats;
    CHECK(coir_stats(&stats) == 0);
    CHECK(stats.turns > 0 && stats.tasks_created > 100 && stats.tasks_alive >= 1);
    CHECK(pipe(ends) == 0);
    CHECK(coir_dump_tasks(ends[1]) == 0);
    size = read(ends[0], text, sizeof text - 1);
    CHECK(size > 0);
    text[size > 0 ? size : 0] = '\0';
    CHECK(strstr(text, "'main'") != NULL);
    FAILS(coir_dump_tasks(-1), EBADF);
    close(ends[0]);
    close(ends[1]);
}
