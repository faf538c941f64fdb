/* SPDX-License-Identifier: BSL-1.0
 *
 * coir for C: tasks that wait for each other, for time and for descriptors, on one thread. Link with
 * -lcoir. C99 and C++; the stable ABI of the library.
 *
 * Conventions
 * - Functions return 0 or a value, or -1 with errno set (constructors: a null pointer). No C++
 *   exception leaves them, and what a callback throws ends in them.
 * - "Waits" means that the calling task is suspended, and other tasks of its thread run. Such a
 *   function fails with EPERM outside a task, but for those that are named after a function of libc.
 * - Timeouts are nanoseconds: negative is for ever, 0 does not wait. ETIMEDOUT when they are over.
 * - Cancellation: when the calling task is cancelled, or was before the call, a function that waits
 *   fails with ECANCELED and has done nothing (what has been done beats the cancellation). The
 *   request is not used up: each further one fails in the same way until the task returns. A
 *   suspension point of coir's C++ API that comes next throws CancelledError and uses it up.
 * - Null pointers where an object or a function is needed: EINVAL. Memory: ENOMEM.
 * - Objects belong to the loop and the thread that use them first; elsewhere: EPERM. None is for
 *   sharing between threads, but for what is marked "any thread".
 * - Callbacks get the pointer that was given with them. longjmp() must not leave a task.
 */
#ifndef COIR_COIR_H
#define COIR_COIR_H

#include <stddef.h>
#include <stdint.h>

#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Only pointed to; a strict C99 <time.h> has them not. */
struct timespec;
struct timeval;

#if defined(COIR_STATIC)
#define COIR_C_API
#else
#define COIR_C_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- Running ------------------------------------------------------------------------------- */

/* How the loop is made. Begin with COIR_OPTIONS_INIT; zeros are the defaults. */
typedef struct coir_options {
    size_t size;             /* of this struct: later versions add members at its end */
    const char *reactor;     /* "auto", "epoll", "io_uring", "poll", "sim", "sim:seed=N", or a list */
    size_t stack_size;       /* bytes reserved per task; 0: 256 KiB */
    size_t main_stack_size;  /* of the main task; 0: 8 MiB */
    unsigned max_threads;    /* for coir_to_thread(); 0: max(4, cores) */
    int debug;               /* 1: asyncio's debug mode */
    int fail_on_deadlock;    /* 1: coir_run() fails with EDEADLK when all tasks wait for nothing */
} coir_options;
#define COIR_OPTIONS_INIT {sizeof(coir_options), 0, 0, 0, 0, 0, 0}

/* Runs fn(arg) as the main task of a new loop on this thread; when it has returned, cancels what
 * is left, waits for it, and ends the loop. `options` may be null. EINVAL: bad options; EPERM: a
 * loop runs here already; EINTR: SIGINT or SIGTERM came, which cancels the main task (a second one
 * has its default effect); EDEADLK. A reactor that is asked for and cannot be had: ENOSYS, with the
 * reason in coir's log. Waits, but blocks the thread. */
COIR_C_API int coir_run(void (*fn)(void *), void *arg, const coir_options *options);

/* The version of the library, "1.2.3". Any thread, anywhere. */
COIR_C_API const char *coir_version(void);

/* --- Tasks --------------------------------------------------------------------------------- */

typedef struct coir_task coir_task;

/* How a task is made. Begin with COIR_ATTR_INIT. */
typedef struct coir_attr {
    size_t size;        /* of this struct */
    const char *name;   /* for logs and dumps; copied; may be null */
    size_t stack_size;  /* bytes; 0: the loop's default */
} coir_attr;
#define COIR_ATTR_INIT {sizeof(coir_attr), 0, 0}

/* Starts fn(arg) as a task of the loop that runs here; its first step comes after those that are
 * due already. `attr` may be null. The handle must be given to coir_join() or coir_detach(). Null
 * with EPERM: no loop runs here; EAGAIN: no stack could be had; EINVAL. Does not wait. */
COIR_C_API coir_task *coir_spawn(void (*fn)(void *), void *arg, const coir_attr *attr);

enum {
    COIR_RETURNED = 0,      /* the task's function has returned */
    COIR_NEVER_RAN = 1,     /* the task was cancelled before its first step, or ended by a C++
                               CancelledError */
    COIR_THREW = 2          /* its function threw a C++ exception; errno says which kind */
};
/* Waits until the task has ended, and frees the handle: one of the three values above. -1 leaves
 * the handle valid: EDEADLK for the calling task itself, ETIMEDOUT, ECANCELED (the task that is
 * waited for is not cancelled by that), EPERM, EINVAL. */
COIR_C_API int coir_join(coir_task *task, int64_t timeout_ns);
/* Frees the handle; the task goes on, and the loop owns it. A C++ exception of it that nobody has
 * learned of by a join is reported. */
COIR_C_API int coir_detach(coir_task *task);
/* Asks the task to end: see "Cancellation" above. ESRCH when it has ended. Does not wait. */
COIR_C_API int coir_cancel(coir_task *task);
/* The calling task; null outside of one. Borrowed: not for coir_join() or coir_detach(). */
COIR_C_API coir_task *coir_self(void);
/* 1 in a task, else 0. */
COIR_C_API int coir_in_task(void);
/* Lets every task that is due have its turn. Waits. */
COIR_C_API int coir_yield(void);
/* Sleeps; negative times are 0. Waits. */
COIR_C_API int coir_sleep_ns(int64_t ns);
/* Calls fn(arg) with a deadline: when it passes, what fn waits for fails with ECANCELED, and so
 * does every wait until fn returns. 0: fn has returned in time. ETIMEDOUT: the deadline had passed
 * when it returned. ECANCELED: the task itself was cancelled. May be nested; a negative time sets no
 * deadline. Waits if fn does. */
COIR_C_API int coir_with_timeout(int64_t ns, void (*fn)(void *), void *arg);

/* --- Groups: children that end together ------------------------------------------------------ */

typedef struct coir_group coir_group;

/* A group for the tasks of the loop that runs here. */
COIR_C_API coir_group *coir_group_new(void);
/* Starts fn(arg) as a child. EPERM: no loop runs here; EAGAIN: no stack; ECANCELED: the group was
 * cancelled, and has not been waited for since. */
COIR_C_API int coir_group_spawn(coir_group *group, void (*fn)(void *), void *arg,
                                const coir_attr *attr);
/* Waits until all children have ended. A timeout leaves them running. If the calling task is
 * cancelled, they are too, and are waited for before it fails with ECANCELED. A child that throws a
 * C++ exception cancels the others; its error is the result. Then the group can be used again. */
COIR_C_API int coir_group_wait(coir_group *group, int64_t timeout_ns);
/* Cancels the children that run. Does not wait. */
COIR_C_API int coir_group_cancel(coir_group *group);
/* Cancels the children, waits for them, whatever happens, and frees the group. Null is harmless.
 * Outside a task: EBUSY when children are left. */
COIR_C_API int coir_group_free(coir_group *group);

/* --- Between tasks of a loop ----------------------------------------------------------------- */
/* All are served first come, first served, and handed over: nobody gets in between. The _free
 * functions take null; EBUSY when tasks wait or the mutex is locked. */

typedef struct coir_mutex coir_mutex;
COIR_C_API coir_mutex *coir_mutex_new(void);
COIR_C_API int coir_mutex_free(coir_mutex *mutex);
/* Waits until it is free and takes it. Not recursive. */
COIR_C_API int coir_mutex_lock(coir_mutex *mutex);
/* EBUSY when it is locked. */
COIR_C_API int coir_mutex_trylock(coir_mutex *mutex);
/* EPERM when it is not locked. Any task of the loop may. */
COIR_C_API int coir_mutex_unlock(coir_mutex *mutex);

typedef struct coir_cond coir_cond;
COIR_C_API coir_cond *coir_cond_new(void);
COIR_C_API int coir_cond_free(coir_cond *cond);
/* Gives the mutex up, waits for a signal, and has the mutex again however it ends. EPERM when it is
 * not locked; EINVAL when others wait with another mutex. */
COIR_C_API int coir_cond_wait(coir_cond *cond, coir_mutex *mutex, int64_t timeout_ns);
/* Wakes one waiter, or all. EPERM when somebody waits and the mutex is not locked. */
COIR_C_API int coir_cond_signal(coir_cond *cond);
COIR_C_API int coir_cond_broadcast(coir_cond *cond);

/* A flag. */
typedef struct coir_event coir_event;
COIR_C_API coir_event *coir_event_new(void);
COIR_C_API int coir_event_free(coir_event *event);
/* Raises it and wakes all who wait. */
COIR_C_API int coir_event_set(coir_event *event);
COIR_C_API int coir_event_clear(coir_event *event);
/* 1 when it is up, else 0. */
COIR_C_API int coir_event_is_set(const coir_event *event);
/* Waits until it is up. */
COIR_C_API int coir_event_wait(coir_event *event, int64_t timeout_ns);

/* Pointers from senders to receivers, in order. */
typedef struct coir_channel coir_channel;
/* With a capacity of 0 each sender waits for its receiver. */
COIR_C_API coir_channel *coir_channel_new(size_t capacity);
/* What is left in it is dropped: the pointers were never the channel's. */
COIR_C_API int coir_channel_free(coir_channel *channel);
/* Sends, waiting for room. EPIPE: the channel is closed. */
COIR_C_API int coir_channel_send(coir_channel *channel, void *item, int64_t timeout_ns);
/* 1: *item is the next one; 0: the channel is closed and empty. Waits. */
COIR_C_API int coir_channel_receive(coir_channel *channel, void **item, int64_t timeout_ns);
/* Ends the sending; what is in can still be received. */
COIR_C_API int coir_channel_close(coir_channel *channel);

/* A value per task, as pthread_key_create() makes one per thread. */
typedef struct coir_local coir_local;
/* `destructor`, which may be null, is called with a task's value, unless that is null, when the task
 * has ended: on the loop, outside any task, so that it must not wait. Any thread may make one. */
COIR_C_API coir_local *coir_local_new(void (*destructor)(void *));
/* Frees it. Values that tasks have are forgotten, without a call of the destructor. */
COIR_C_API int coir_local_free(coir_local *local);
/* The calling task's value; null when it has none, and outside a task. */
COIR_C_API void *coir_local_get(const coir_local *local);
/* Sets it; EPERM outside a task. */
COIR_C_API int coir_local_set(coir_local *local, void *value);

/* --- Descriptors, threads ---------------------------------------------------------------------- */

/* Waits until one of `events` (POLLIN, POLLOUT, ... of <poll.h>) is true of `fd`; returns those that
 * are, with POLLERR and POLLHUP. EBADF: not open, or closed by another task meanwhile. */
COIR_C_API int coir_wait_fd(int fd, short events, int64_t timeout_ns);
/* Runs fn(arg) on a thread of the loop's pool; waits until it has returned, also when the task is
 * cancelled, unless it had not begun: then ECANCELED, and it will not. */
COIR_C_API int coir_to_thread(void (*fn)(void *), void *arg);

/* --- Regions ------------------------------------------------------------------------------- */

/* Until the matching end, the calling task's calls that are named after libc's functions (coir_read()
 * and, with libcoir-legacy, read() itself) block the thread. Regions nest. ENOMEM; outside a task
 * nothing is needed and nothing happens. */
COIR_C_API int coir_blocking_begin(void);
/* EINVAL without a begin. */
COIR_C_API int coir_blocking_end(void);
/* Until the matching end no other task may run on this thread: calls named after libc's block it,
 * and a task that waits otherwise is a mistake that ends the process, with a line that says which.
 * EPERM outside a task. */
COIR_C_API int coir_no_suspend_begin(void);
COIR_C_API int coir_no_suspend_end(void);
/* For state of the thread that libraries keep: on the loop that runs here, out(arg) is called when a
 * task is about to be left and in(arg) when it begins or goes on, in the task (coir_self() says
 * which). They must not wait. Several pairs may be set, for the rest of the loop's life; out is
 * called in reverse order. Either may be null, not both. Switches are slower with them. */
COIR_C_API int coir_on_switch(void (*out)(void *), void (*in)(void *), void *arg);

/* --- Looking ------------------------------------------------------------------------------- */

/* A descriptor that is readable when a turn of the running loop is due; ENOTSUP where the reactor has
 * none. EPERM when no loop runs here. */
COIR_C_API int coir_loop_fd(void);

typedef struct coir_stats_t {
    size_t size;             /* of this struct; to be set by the caller */
    uint64_t turns;          /* looks at the world */
    uint64_t steps;          /* callbacks and task steps */
    uint64_t tasks_created;
    uint64_t tasks_alive;
    uint64_t timers;
    uint64_t idle_ns;        /* slept */
    uint64_t stacks_reserved;
} coir_stats_t;
/* Counters of the running loop. EINVAL: a `size` that is too small. EPERM without a loop. */
COIR_C_API int coir_stats(coir_stats_t *stats);
/* Writes a line per task of the running loop to `fd`: its name, and what it waits for. */
COIR_C_API int coir_dump_tasks(int fd);

/* --- libc's calls -------------------------------------------------------------------------- */
/* The same as the functions of libc without "coir_": signature, results, errno, semantics on blocking
 * and non-blocking descriptors alike. In a task they wait where libc's would block (ECANCELED when the
 * task is cancelled); a descriptor's flags are never changed. Outside a task they block the thread. */

struct epoll_event;
struct mmsghdr;
struct pollfd;

COIR_C_API ssize_t coir_read(int fd, void *buffer, size_t size);
COIR_C_API ssize_t coir_readv(int fd, const struct iovec *pieces, int count);
COIR_C_API ssize_t coir_write(int fd, const void *data, size_t size);
COIR_C_API ssize_t coir_writev(int fd, const struct iovec *pieces, int count);
COIR_C_API ssize_t coir_recv(int fd, void *buffer, size_t size, int flags);
COIR_C_API ssize_t coir_recvfrom(int fd, void *buffer, size_t size, int flags,
                                 struct sockaddr *address, socklen_t *length);
COIR_C_API ssize_t coir_recvmsg(int fd, struct msghdr *message, int flags);
COIR_C_API int coir_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                             struct timespec *timeout);
COIR_C_API ssize_t coir_send(int fd, const void *data, size_t size, int flags);
COIR_C_API ssize_t coir_sendto(int fd, const void *data, size_t size, int flags,
                               const struct sockaddr *address, socklen_t length);
COIR_C_API ssize_t coir_sendmsg(int fd, const struct msghdr *message, int flags);
COIR_C_API int coir_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
COIR_C_API int coir_connect(int fd, const struct sockaddr *address, socklen_t length);
COIR_C_API int coir_accept(int fd, struct sockaddr *address, socklen_t *length);
COIR_C_API int coir_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
/* Tasks of this loop that wait for the descriptor fail with EBADF. */
COIR_C_API int coir_close(int fd);
COIR_C_API int coir_poll(struct pollfd *fds, unsigned long count, int timeout);
COIR_C_API int coir_ppoll(struct pollfd *fds, unsigned long count, const struct timespec *timeout,
                          const sigset_t *mask);
COIR_C_API int coir_select(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
                           struct timeval *timeout);
COIR_C_API int coir_pselect(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
                            const struct timespec *timeout, const sigset_t *mask);
COIR_C_API int coir_epoll_wait(int fd, struct epoll_event *events, int most, int timeout);
COIR_C_API int coir_epoll_pwait(int fd, struct epoll_event *events, int most, int timeout,
                                const sigset_t *mask);
COIR_C_API int coir_epoll_pwait2(int fd, struct epoll_event *events, int most,
                                 const struct timespec *timeout, const sigset_t *mask);

COIR_C_API unsigned coir_sleep(unsigned seconds);
COIR_C_API int coir_usleep(unsigned microseconds);
COIR_C_API int coir_nanosleep(const struct timespec *duration, struct timespec *left);
/* Returns the error number. `clock` is a clockid_t. */
COIR_C_API int coir_clock_nanosleep(int clock, int flags, const struct timespec *duration,
                                    struct timespec *left);
COIR_C_API int coir_thrd_sleep(const struct timespec *duration, struct timespec *left);
COIR_C_API int coir_sched_yield(void);
COIR_C_API int coir_pthread_yield(void);
COIR_C_API void coir_thrd_yield(void);

/* --- Libraries that know nothing of coir ------------------------------------------------- */

/* Groups of libc's functions. */
#define COIR_IO 1u
#define COIR_SLEEP 2u
#define COIR_DNS 4u
#define COIR_LOCKS 16u
#define COIR_KEYS 32u
#define COIR_PROC 64u
#define COIR_ALL 119u
/* Not among all of them: see enum Calls in coir/legacy.hpp. */
#define COIR_STDIO 128u
#define COIR_FILES 256u

/* Leads the calls of these groups, in every loaded library whose file name matches the pattern
 * ("libpq.so.5", "libcurl*"; as by fnmatch), to libcoir-legacy, so that they suspend the calling
 * task. Returns the number of slots that were changed; 0: they had been changed before. EINVAL: no
 * pattern, or not only groups of these. ENOENT: no such library is loaded. ELIBACC: libcoir-legacy cannot be used. After an error nothing is
 * changed; a line in the log says why. Any thread. See coir/legacy.hpp. */
COIR_C_API int coir_patch_library(const char *pattern, unsigned what);
/* Takes all of that back. Any thread. */
COIR_C_API int coir_unpatch(void);

/* Names are looked up on other threads, 64 at a time, but numeric ones at once. Those functions of
 * libc that keep their result in memory of their own have no counterpart here: use the _r forms.
 * A cancelled call returns ECANCELED, or EAI_SYSTEM with that errno. */
struct addrinfo;
struct group;
struct hostent;
struct passwd;
struct protoent;
struct servent;

COIR_C_API int coir_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                                struct addrinfo **list);
COIR_C_API int coir_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
                                socklen_t host_size, char *service, socklen_t service_size,
                                int flags);
COIR_C_API int coir_gethostbyname_r(const char *name, struct hostent *entry, char *buffer,
                                    size_t size, struct hostent **result, int *error);
COIR_C_API int coir_gethostbyname2_r(const char *name, int family, struct hostent *entry,
                                     char *buffer, size_t size, struct hostent **result, int *error);
COIR_C_API int coir_gethostbyaddr_r(const void *address, socklen_t length, int family,
                                    struct hostent *entry, char *buffer, size_t size,
                                    struct hostent **result, int *error);
COIR_C_API int coir_getservbyname_r(const char *name, const char *protocol, struct servent *entry,
                                    char *buffer, size_t size, struct servent **result);
COIR_C_API int coir_getservbyport_r(int port, const char *protocol, struct servent *entry,
                                    char *buffer, size_t size, struct servent **result);
COIR_C_API int coir_getprotobyname_r(const char *name, struct protoent *entry, char *buffer,
                                     size_t size, struct protoent **result);
COIR_C_API int coir_getprotobynumber_r(int number, struct protoent *entry, char *buffer, size_t size,
                                       struct protoent **result);
COIR_C_API int coir_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
                               struct passwd **result);
COIR_C_API int coir_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size,
                               struct passwd **result);
COIR_C_API int coir_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size,
                               struct group **result);
COIR_C_API int coir_getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t size,
                               struct group **result);
COIR_C_API int coir_initgroups(const char *user, gid_t group);
COIR_C_API int coir_getgrouplist(const char *user, gid_t group, gid_t *groups, int *count);
COIR_C_API int coir_innetgr(const char *netgroup, const char *host, const char *user,
                            const char *domain);

#ifdef __cplusplus
}
#endif

#endif
