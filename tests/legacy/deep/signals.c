/* SPDX-License-Identifier: BSL-1.0
   Cancellation, and signals that are meant for one thread. */
#include "say.h"

#include <semaphore.h>
#include <sys/socket.h>
#include <sys/time.h>

/* --- cancellation --- */

static int sockets[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t empty, about_to_wait;
static int unlocked_by_clean_up;

static void unlock(void* mutex) { unlocked_by_clean_up += pthread_mutex_unlock(mutex) == 0; }

static void* waits_to_read(void* nothing) {
    char byte;
    sem_post(&about_to_wait);
    read(sockets[0], &byte, 1);
    return nothing;
}
static void* waits_for_condition(void* nothing) {
    pthread_mutex_lock(&lock);
    pthread_cleanup_push(unlock, &lock);
    sem_post(&about_to_wait);
    for (;;) pthread_cond_wait(&never, &lock);
    pthread_cleanup_pop(1);
    return nothing;
}
static void* waits_for_semaphore(void* nothing) {
    sem_post(&about_to_wait);
    sem_wait(&empty);
    return nothing;
}
static void* waits_asleep(void* nothing) {
    sem_post(&about_to_wait);
    sleep(20);
    return nothing;
}
static void cancel_other(void* thread) { pthread_cancel((pthread_t)thread); }
static void* waits_for_thread(void* nothing) {
    pthread_t other = begin(waits_asleep, NULL);
    pthread_cleanup_push(cancel_other, (void*)other);
    pthread_join(other, NULL);
    pthread_cleanup_pop(0);
    return nothing;
}
static void* does_not_want_to(void* nothing) {
    (void)nothing;
    int before = -1;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    sem_post(&about_to_wait);
    usleep(200000);
    const int slept = before == PTHREAD_CANCEL_ENABLE;
    SAY("not cancelled while it does not want to be: %d", slept);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    pthread_testcancel();
    return NULL;
}
static void* cancels_itself(void* nothing) {
    pthread_cancel(pthread_self());
    SAY("goes on up to the next point");
    pthread_testcancel();
    return nothing;
}

static void cancel_one(const char* what, void* (*start)(void*), int wait_first) {
    pthread_t thread = begin(start, NULL);
    if (wait_first) {
        sem_wait(&about_to_wait);
        usleep(50000);
    }
    const int error = pthread_cancel(thread);
    SAY("%s: %s, cancelled %d", what, name_of(error), end(thread) == PTHREAD_CANCELED);
}

static void cancelling(void) {
    socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
    sem_init(&empty, 0, 0);
    sem_init(&about_to_wait, 0, 0);
    cancel_one("reads", waits_to_read, 1);
    cancel_one("waits for a condition", waits_for_condition, 1);
    SAY("its clean-up had the mutex: %d, which is free: %s", unlocked_by_clean_up,
        name_of(pthread_mutex_trylock(&lock)));
    pthread_mutex_unlock(&lock);
    cancel_one("waits for a semaphore", waits_for_semaphore, 1);
    cancel_one("sleeps", waits_asleep, 1);
    cancel_one("joins", waits_for_thread, 1);
    cancel_one("does not want to", does_not_want_to, 1);
    SAY("itself: cancelled %d", end(begin(cancels_itself, NULL)) == PTHREAD_CANCELED);
    char byte = 'x';
    write(sockets[1], &byte, 1);
    pthread_t reader = begin(waits_to_read, NULL);
    sem_wait(&about_to_wait);
    SAY("one that has all that it wants: cancelled %d", end(reader) == PTHREAD_CANCELED);
    /* The next one finds the semaphore as it should be. */
    while (sem_trywait(&about_to_wait) == 0) {
    }
}

/* --- pthread_kill --- */

static pthread_t target;
static volatile sig_atomic_t handled, in_its_name;

static void handler(int signo) {
    (void)signo;
    ++handled;
    in_its_name += pthread_equal(pthread_self(), target) != 0;
}
static void* is_interrupted(void* nothing) {
    (void)nothing;
    char byte;
    sem_post(&about_to_wait);
    const ssize_t got = read(sockets[0], &byte, 1);
    const int error = errno;
    return (void*)(long)(got == -1 && error == EINTR);
}
static void* blocks_it(void* nothing) {
    (void)nothing;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    sem_post(&about_to_wait);
    usleep(300000);
    const int before = handled;
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return (void*)(long)(before * 10 + handled);
}
static void* kills_itself(void* nothing) {
    target = pthread_self();
    pthread_kill(target, SIGUSR1);
    return nothing;
}

static void killing(void) {
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    target = begin(is_interrupted, NULL);
    sem_wait(&about_to_wait);
    usleep(200000);
    SAY("signal 0: %s, signal 1000: %s", name_of(pthread_kill(target, 0)),
        name_of(pthread_kill(target, 1000)));
    const int error = pthread_kill(target, SIGUSR1);
    SAY("killed: %s, interrupted %ld", name_of(error), (long)end(target));
    SAY("handled %d, in its name %d", (int)handled, (int)in_its_name);
    handled = in_its_name = 0;
    target = begin(blocks_it, NULL);
    sem_wait(&about_to_wait);
    pthread_kill(target, SIGUSR1);
    SAY("blocked and let in: %ld", (long)end(target));
    SAY("handled %d, in its name %d", (int)handled, (int)in_its_name);
    handled = in_its_name = 0;
    end(begin(kills_itself, NULL));
    SAY("itself: handled %d, in its name %d", (int)handled, (int)in_its_name);
}

/* --- masks --- */

static void* blocks_all(void* nothing) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    usleep(100000);
    return nothing;
}
static void* waits_for_signal(void* nothing) {
    (void)nothing;
    sigset_t set;
    int signo = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sem_post(&about_to_wait);
    const int error = sigwait(&set, &signo);
    return (void*)(long)(error == 0 && signo == SIGUSR2);
}
static void* has_mask(void* nothing) {
    (void)nothing;
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return (void*)(long)(sigismember(&now, SIGUSR1) * 2 + sigismember(&now, SIGUSR2));
}

static void masks(void) {
    handled = in_its_name = 0;
    target = pthread_self();
    pthread_t thread = begin(blocks_all, NULL);
    usleep(20000);
    kill(getpid(), SIGUSR1);
    usleep(20000);
    SAY("one blocks all, main does not: handled %d, by main %d", (int)handled, (int)in_its_name);
    end(thread);
    SAY("main's mask: %ld", (long)has_mask(NULL));
    sigset_t second;
    sigemptyset(&second);
    sigaddset(&second, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &second, NULL);
    SAY("inherited mask: %ld", (long)end(begin(has_mask, NULL)));
    pthread_t waiter = begin(waits_for_signal, NULL);
    sem_wait(&about_to_wait);
    usleep(10000);
    pthread_kill(waiter, SIGUSR2);
    SAY("sigwait: %ld", (long)end(waiter));
    waiter = begin(waits_for_signal, NULL);
    sem_wait(&about_to_wait);
    kill(getpid(), SIGUSR2);
    SAY("sigwait for the process: %ld", (long)end(waiter));
}

/* --- for the process: to main, unless it blocks them --- */

static void alarm_handler(int signo) { (void)signo; }

static void install_alarm(int flags) {
    struct sigaction action = {.sa_handler = alarm_handler, .sa_flags = flags};
    sigaction(SIGALRM, &action, NULL);
}
static void alarm_in(long microseconds) {
    const struct itimerval timer = {.it_value = {.tv_usec = microseconds}};
    setitimer(ITIMER_REAL, &timer, NULL);
}
static void* posts_soon(void* nothing) {
    usleep(300000);
    sem_post(&empty);
    return nothing;
}
static const char* after_alarm(int result) {
    const int error = errno;
    return result == 0 ? "done" : name_of(error);
}

static void for_the_process(void) {
    install_alarm(0);
    pthread_t reader = begin(is_interrupted, NULL);
    sem_wait(&about_to_wait);
    usleep(50000);
    struct timespec time = {.tv_sec = 5};
    alarm_in(50000);
    SAY("main asleep: %s", after_alarm(nanosleep(&time, NULL)));
    alarm_in(50000);
    SAY("main at a semaphore: %s", after_alarm(sem_wait(&empty)));
    time = in_milliseconds(CLOCK_REALTIME, 5000);
    alarm_in(50000);
    SAY("main at a semaphore with a time: %s", after_alarm(sem_timedwait(&empty, &time)));
    install_alarm(SA_RESTART);
    pthread_t poster = begin(posts_soon, NULL);
    alarm_in(50000);
    SAY("main at a semaphore, restarted: %s", after_alarm(sem_wait(&empty)));
    end(poster);
    time = in_milliseconds(CLOCK_REALTIME, 5000);
    alarm_in(50000);
    SAY("main at a semaphore with a time, not restarted: %s", after_alarm(sem_timedwait(&empty, &time)));
    install_alarm(0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    time = (struct timespec){.tv_nsec = 200000000};
    alarm_in(50000);
    SAY("main blocks it: %s", after_alarm(nanosleep(&time, NULL)));
    SAY("then it is the reader's: %ld", (long)end(reader));
}

int main(void) {
    cancelling();
    killing();
    masks();
    for_the_process();
    return 0;
}
