/* SPDX-License-Identifier: BSL-1.0
   Threads, their ends and what they have of their own. */
#include "say.h"

#include <limits.h>
#include <locale.h>
#include <netdb.h>
#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <threads.h>

/* --- variables --- */

static __thread int counted = 5;
static __thread char buffer[100];
static pthread_barrier_t all_there;

static void* own_variables(void* argument) {
    const long number = (long)argument;
    const int fresh = counted == 5 && buffer[0] == 0 && errno == 0;
    counted += (int)number;
    errno = 100 + (int)number;
    snprintf(buffer, sizeof buffer, "thread %ld", number);
    pthread_barrier_wait(&all_there);
    const int error = errno;
    usleep(1000);
    char wanted[100];
    snprintf(wanted, sizeof wanted, "thread %ld", number);
    return (void*)(long)(fresh && error == 100 + number && counted == 5 + number &&
                         strcmp(buffer, wanted) == 0);
}

static void variables(void) {
    pthread_t threads[50];
    long right = 0;
    pthread_barrier_init(&all_there, NULL, 50);
    for (long i = 0; i < 50; ++i) threads[i] = begin(own_variables, (void*)i);
    int same = 0;
    for (int i = 0; i < 50; ++i) {
        for (int j = 0; j < i; ++j) same += pthread_equal(threads[i], threads[j]) != 0;
        same += pthread_equal(threads[i], pthread_self()) != 0;
    }
    for (int i = 0; i < 50; ++i) right += (long)end(threads[i]);
    SAY("variables: %ld right, %d equal, main's is %d", right, same, counted);
}

/* --- joining --- */

static void* sleeps(void* milliseconds) {
    usleep((useconds_t)(long)milliseconds * 1000);
    return milliseconds;
}
static void* joins(void* thread) { return (void*)(long)pthread_join((pthread_t)thread, NULL); }
static void* joins_itself(void* nothing) {
    (void)nothing;
    return (void*)(long)pthread_join(pthread_self(), NULL);
}

static void joining(void) {
    void* result = NULL;
    pthread_t thread = begin(sleeps, (void*)400L);
    SAY("tryjoin: %s", name_of(pthread_tryjoin_np(thread, &result)));
    struct timespec soon = in_milliseconds(CLOCK_REALTIME, 10);
    SAY("timedjoin: %s", name_of(pthread_timedjoin_np(thread, &result, &soon)));
    soon = in_milliseconds(CLOCK_MONOTONIC, 20000);
    SAY("clockjoin: %s", name_of(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &soon)));
    SAY("result: %ld", (long)result);
    thread = begin(sleeps, (void*)20L);
    SAY("joined by another: %s", name_of((int)(long)end(begin(joins, (void*)thread))));
    SAY("itself: %s", name_of((int)(long)end(begin(joins_itself, NULL))));
    thread = begin(sleeps, (void*)20L);
    SAY("detach: %s", name_of(pthread_detach(thread)));
    SAY("join of a detached one: %s", name_of(pthread_join(thread, NULL)));
    SAY("detach again: %s", name_of(pthread_detach(thread)));
    usleep(60000);
}

/* --- attributes and names --- */

static void* looks_at_itself(void* size) {
    pthread_attr_t attributes;
    void* stack = NULL;
    size_t stack_size = 0;
    int state = -1;
    char here = 0;
    const int error = pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &stack, &stack_size);
    pthread_attr_getdetachstate(&attributes, &state);
    pthread_attr_destroy(&attributes);
    const int within = &here >= (char*)stack && &here < (char*)stack + stack_size;
    SAY("own attributes: %s, within %d, enough %d, joinable %d", name_of(error), within,
        stack_size >= (size_t)size, state == PTHREAD_CREATE_JOINABLE);
    return NULL;
}

static long deep(long depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    return depth == 0 ? frame[0] : deep(depth - 1) + frame[0] - frame[0];
}
static void* goes_deep(void* depth) { return (void*)deep((long)depth); }

static void attributes(void) {
    looks_at_itself((void*)(1L << 20));
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 * 1024);
    pthread_t thread;
    pthread_create(&thread, &small, looks_at_itself, (void*)(128L * 1024));
    end(thread);
    pthread_attr_setstacksize(&small, 32 << 20);
    pthread_create(&thread, &small, goes_deep, (void*)(24L * 1024));
    SAY("24 MiB deep: %ld", (long)end(thread));
    SAY("6 MiB deep by default: %ld", (long)end(begin(goes_deep, (void*)(6L * 1024))));
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    pthread_create(&thread, &small, sleeps, (void*)1L);
    SAY("join of one created detached: %s", name_of(pthread_join(thread, NULL)));
    pthread_attr_destroy(&small);
    usleep(20000);
}

static void* names_itself(void* nothing) {
    (void)nothing;
    char name[32] = "";
    pthread_setname_np(pthread_self(), "worker");
    usleep(1000);
    pthread_getname_np(pthread_self(), name, sizeof name);
    SAY("own name: %s", name);
    return NULL;
}

static void names(void) {
    char name[32] = "";
    pthread_setname_np(pthread_self(), "the main one");
    pthread_t thread = begin(sleeps, (void*)20L);
    pthread_getname_np(thread, name, sizeof name);
    SAY("inherited: %s", name);
    SAY("set: %s", name_of(pthread_setname_np(thread, "another")));
    SAY("too long: %s", name_of(pthread_setname_np(thread, "longer than fifteen")));
    SAY("no room: %s", name_of(pthread_getname_np(thread, name, 8)));
    pthread_getname_np(thread, name, sizeof name);
    end(begin(names_itself, NULL));
    SAY("name: %s", name);
    pthread_getname_np(pthread_self(), name, sizeof name);
    SAY("main's: %s", name);
    end(thread);
}

/* --- keys --- */

static pthread_key_t early_key, key, chained_key;
static int destroyed;

__attribute__((constructor)) static void before_main(void) {
    pthread_key_create(&early_key, NULL);
    pthread_setspecific(early_key, &early_key);
}
static void destroy(void* value) {
    __atomic_fetch_add(&destroyed, (int)(long)value, __ATOMIC_RELAXED);
    if (value == (void*)3) pthread_setspecific(chained_key, (void*)100);
}
static void* uses_keys(void* value) {
    const int fresh = !pthread_getspecific(key) && !pthread_getspecific(early_key);
    pthread_setspecific(key, value);
    sched_yield();
    usleep(1000);
    return (void*)(long)(fresh && pthread_getspecific(key) == value);
}

static void keys(void) {
    pthread_t threads[10];
    long right = 0;
    SAY("a constructor's value: %d", pthread_getspecific(early_key) == &early_key);
    pthread_key_t more[40];
    for (int i = 0; i < 40; ++i) pthread_key_create(&more[i], NULL);  /* into the second table */
    pthread_key_create(&key, destroy);
    pthread_key_create(&chained_key, destroy);
    for (long i = 0; i < 10; ++i) threads[i] = begin(uses_keys, (void*)i);
    for (int i = 0; i < 10; ++i) right += (long)end(threads[i]);
    SAY("keys: %ld right, destroyed %d", right, destroyed);
    for (int i = 0; i < 40; ++i) pthread_key_delete(more[i]);
}

/* --- exits --- */

static void clean_up(void* what) { SAY("clean-up %s", (const char*)what); }
static void exits_deeply(int depth) {
    if (depth == 0) pthread_exit((void*)77);
    pthread_cleanup_push(clean_up, depth == 2 ? "two" : "one");
    if (depth > 0) exits_deeply(depth - 1);
    pthread_cleanup_pop(0);
}
static void* exits(void* nothing) {
    pthread_cleanup_push(clean_up, "outer");
    usleep(1000);
    exits_deeply(2);
    pthread_cleanup_pop(0);
    return nothing;
}
static int c11_start(void* number) {
    if (*(int*)number == 2) thrd_exit(22);
    return -1;
}

static void exiting(void) {
    SAY("exit: %ld", (long)end(begin(exits, NULL)));
    thrd_t thread;
    for (int i = 1; i < 3; ++i) {
        int result = 0;
        const int made = thrd_create(&thread, c11_start, &i);
        const int joined = thrd_join(thread, &result);
        SAY("thrd: %d %d %d", made == thrd_success, joined == thrd_success, result);
    }
}

/* --- locale, children, names of hosts --- */

static void* has_locale(void* name) {
    locale_t locale = newlocale(LC_ALL_MASK, name, (locale_t)0);
    const int fresh = uselocale((locale_t)0) == LC_GLOBAL_LOCALE;
    uselocale(locale);
    usleep(2000);
    const int kept = uselocale((locale_t)0) == locale;
    uselocale(LC_GLOBAL_LOCALE);
    freelocale(locale);
    return (void*)(long)(fresh && kept);
}

static void* runs_child(void* status) {
    char command[64];
    snprintf(command, sizeof command, "sleep 0.05; exit %d", (int)(long)status);
    return (void*)(long)WEXITSTATUS(system(command));
}
static void* in_child(void* value) { return (void*)((long)value * 2); }
static void* forks(void* nothing) {
    (void)nothing;
    const pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        void* result = NULL;
        if (pthread_create(&thread, NULL, in_child, (void*)21) != 0) _exit(1);
        if (pthread_join(thread, &result) != 0) _exit(2);
        usleep(1000);
        _exit((int)(long)result);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return (void*)(long)WEXITSTATUS(status);
}
static void* forks_and_returns(void* nothing) {
    const pid_t child = fork();
    if (child == 0) return nothing;  /* the last thread of the process: it ends with 0 */
    int status = -1;
    waitpid(child, &status, 0);
    return (void*)(long)(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}
static void* resolves(void* name) {
    struct addrinfo* found = NULL;
    const int error = getaddrinfo(name, "80", NULL, &found);
    if (error == 0) freeaddrinfo(found);
    return (void*)(long)error;
}

static void others(void) {
    pthread_t a = begin(has_locale, "C"), b = begin(has_locale, "POSIX");
    const long first = (long)end(a), second = (long)end(b);
    SAY("locales: %ld %ld", first, second);
    pthread_t children[5];
    for (long i = 0; i < 5; ++i) children[i] = begin(runs_child, (void*)i);
    long sum = 0;
    for (int i = 0; i < 5; ++i) sum += (long)end(children[i]);
    SAY("children: %ld", sum);
    SAY("fork: %ld", (long)end(begin(forks, NULL)));
    SAY("fork, and back: %ld", (long)end(begin(forks_and_returns, NULL)));
    SAY("127.0.0.1: %ld", (long)end(begin(resolves, "127.0.0.1")));
    SAY("localhost: %ld", (long)end(begin(resolves, "localhost")));
}

/* --- many, one after another --- */

static void* allocates(void* nothing) {
    for (int i = 1; i < 20; ++i) free(malloc((size_t)i * 50));
    return nothing;
}
static long resident(void) {
    long pages = 0;
    FILE* file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    if (file) fclose(file);
    return pages;
}
static void many(void) {
    for (int i = 0; i < 500; ++i) end(begin(allocates, NULL));
    const long before = resident();
    for (int i = 0; i < 3000; ++i) end(begin(allocates, NULL));
    SAY("3000 threads later: %s", resident() - before < 100 ? "no larger" : "larger");
}

int main(void) {
    variables();
    joining();
    attributes();
    names();
    keys();
    exiting();
    others();
    many();
    return 42;
}
