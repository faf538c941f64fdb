// SPDX-License-Identifier: BSL-1.0
// Condition variables, rwlocks, semaphores, barriers, spin locks.
#include "common.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include <pthread.h>
#include <semaphore.h>
#include <threads.h>

using namespace differential;

namespace {

timespec after(clockid_t clock, std::chrono::nanoseconds duration) {
    timespec now{};
    ::clock_gettime(clock, &now);
    const long all = now.tv_nsec + duration.count();
    return {now.tv_sec + all / 1'000'000'000, all % 1'000'000'000};
}

// Waits until the number has come, or a second is over.
void wait_for(const std::atomic<int>& number, int value) {
    const Stopwatch watch;
    while (number < value && watch.passed() < 1s) pause_for(2ms);
}

struct Lock {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    void lock() { ::pthread_mutex_lock(&mutex); }
    void unlock() { ::pthread_mutex_unlock(&mutex); }
};

}  // namespace

PROBE("a condition wakes one, or all", "pthread_cond_wait", "pthread_cond_signal",
      "pthread_cond_broadcast", "pthread_mutex_lock", "pthread_mutex_unlock") {
    Lock shared;
    int tickets = 0;
    std::atomic<int> woken{0};
    auto waiter = [&] {
        shared.lock();
        while (tickets == 0) ::pthread_cond_wait(&shared.condition, &shared.mutex);
        --tickets;
        ++woken;
        shared.unlock();
    };
    std::vector<Actor> actors;
    for (int i = 0; i < 5; ++i) actors.push_back(spawn(waiter));
    pause_for(20ms);
    shared.lock();
    ++tickets;
    report_error("signal", ::pthread_cond_signal(&shared.condition));
    shared.unlock();
    wait_for(woken, 1);
    pause_for(10ms);
    say("woken: %d", woken.load());
    shared.lock();
    tickets = 4;
    report_error("broadcast", ::pthread_cond_broadcast(&shared.condition));
    shared.unlock();
    wait_for(woken, 5);
    say("woken: %d", woken.load());
}

PROBE("a condition with a limit", "pthread_cond_timedwait", "pthread_cond_clockwait",
      "pthread_mutex_lock", "pthread_mutex_unlock", "pthread_mutex_trylock") {
    Lock shared;
    Others others;
    shared.lock();
    Stopwatch watch;
    timespec until = after(CLOCK_REALTIME, 40ms);
    report_error("timedwait", ::pthread_cond_timedwait(&shared.condition, &shared.mutex, &until));
    watch.expect("timedwait", 40ms);
    until = after(CLOCK_MONOTONIC, 40ms);
    report_error("clockwait", ::pthread_cond_clockwait(&shared.condition, &shared.mutex,
                                                       CLOCK_MONOTONIC, &until));
    watch.expect("clockwait", 80ms);
    others.say_whether_they_ran();
    Actor other =
        spawn([&] { report_error("locked again", ::pthread_mutex_trylock(&shared.mutex)); });
    other.join();
    until = {1, 0};
    report_error("the past", ::pthread_cond_timedwait(&shared.condition, &shared.mutex, &until));
    until = {1, -1};
    report_error("a wrong time",
                 ::pthread_cond_timedwait(&shared.condition, &shared.mutex, &until));
    shared.unlock();
}

PROBE("the mutex is free while a condition is waited for", "pthread_cond_wait",
      "pthread_cond_signal", "pthread_mutex_lock", "pthread_mutex_unlock") {
    Lock shared;
    bool go = false;
    Actor waiter = spawn([&] {
        shared.lock();
        while (!go) ::pthread_cond_wait(&shared.condition, &shared.mutex);
        say("woken");
        shared.unlock();
    });
    pause_for(20ms);
    shared.lock();
    go = true;
    ::pthread_cond_signal(&shared.condition);
    pause_for(20ms);
    say("still locked");
    shared.unlock();
}

PROBE("a recursive mutex and a condition", "pthread_cond_wait", "pthread_cond_signal",
      "pthread_mutex_lock", "pthread_mutex_unlock") {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_t mutex;
    ::pthread_mutex_init(&mutex, &attributes);
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    bool go = false;
    Actor waiter = spawn([&] {
        ::pthread_mutex_lock(&mutex);
        while (!go) ::pthread_cond_wait(&condition, &mutex);
        report_error("unlock", ::pthread_mutex_unlock(&mutex));
        report_error("not mine any more", ::pthread_mutex_unlock(&mutex));
    });
    pause_for(20ms);
    ::pthread_mutex_lock(&mutex);
    go = true;
    ::pthread_cond_signal(&condition);
    ::pthread_mutex_unlock(&mutex);
}

PROBE("condition variables of C++", "pthread_cond_wait", "pthread_cond_clockwait",
      "pthread_cond_signal", "pthread_mutex_lock", "pthread_mutex_unlock") {
    std::mutex mutex;
    std::condition_variable condition;
    std::vector<int> queue;
    Actor consumer = spawn([&] {
        for (int i = 0; i < 3; ++i) {
            std::unique_lock lock(mutex);
            condition.wait(lock, [&] { return !queue.empty(); });
            say("%d", queue.back());
            queue.pop_back();
        }
    });
    for (int i = 0; i < 3; ++i) {
        pause_for(10ms);
        const std::lock_guard lock(mutex);
        queue.push_back(i);
        condition.notify_one();
    }
    consumer.join();
    std::unique_lock lock(mutex);
    Stopwatch watch;
    say("in time: %d", condition.wait_for(lock, 40ms) == std::cv_status::no_timeout);
    watch.expect("wait_for", 40ms);
    say("in time: %d", condition.wait_until(lock, std::chrono::system_clock::now() + 40ms) ==
                           std::cv_status::no_timeout);
    watch.expect("wait_until", 80ms);
}

PROBE("condition variables of C11", "cnd_wait", "cnd_timedwait", "cnd_signal", "cnd_broadcast",
      "mtx_lock", "mtx_unlock") {
    mtx_t mutex;
    cnd_t condition;
    ::mtx_init(&mutex, mtx_plain);
    ::cnd_init(&condition);
    int tickets = 0;
    auto waiter = [&] {
        ::mtx_lock(&mutex);
        while (tickets == 0) ::cnd_wait(&condition, &mutex);
        --tickets;
        ::mtx_unlock(&mutex);
        say("woken");
    };
    Actor a = spawn(waiter), b = spawn(waiter), c = spawn(waiter);
    pause_for(20ms);
    ::mtx_lock(&mutex);
    tickets = 1;
    say("%d", ::cnd_signal(&condition) == thrd_success);
    ::mtx_unlock(&mutex);
    pause_for(20ms);
    ::mtx_lock(&mutex);
    tickets += 2;
    say("%d", ::cnd_broadcast(&condition) == thrd_success);
    ::mtx_unlock(&mutex);
    a.join();
    b.join();
    c.join();
    ::mtx_lock(&mutex);
    const timespec past{1, 0};
    say("too late: %d", ::cnd_timedwait(&condition, &mutex, &past) == thrd_timedout);
    ::mtx_unlock(&mutex);
}

PROBE("a thread that is no actor signals", "pthread_cond_wait", "pthread_cond_signal",
      "pthread_mutex_lock", "pthread_mutex_unlock") {
    Lock shared;
    pthread_t thread;
    shared.lock();
    ::pthread_create(
        &thread, nullptr,
        [](void* argument) -> void* {
            auto& lock = *static_cast<Lock*>(argument);
            const timespec moment{0, 30'000'000};
            ::nanosleep(&moment, nullptr);
            lock.lock();
            ::pthread_cond_signal(&lock.condition);
            lock.unlock();
            return nullptr;
        },
        &shared);
    report_error("wait", ::pthread_cond_wait(&shared.condition, &shared.mutex));
    shared.unlock();
    ::pthread_join(thread, nullptr);
}

PROBE("rwlocks: many readers or one writer", "pthread_rwlock_rdlock", "pthread_rwlock_wrlock",
      "pthread_rwlock_unlock", "pthread_rwlock_tryrdlock", "pthread_rwlock_trywrlock") {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    report_error("rdlock", ::pthread_rwlock_rdlock(&lock));
    std::atomic<bool> released{false};
    Actor reader = spawn([&] {
        report_error("tryrdlock", ::pthread_rwlock_tryrdlock(&lock));
        report_error("trywrlock", ::pthread_rwlock_trywrlock(&lock));
        ::pthread_rwlock_unlock(&lock);
    });
    reader.join();
    Actor writer = spawn([&] {
        report_error("wrlock", ::pthread_rwlock_wrlock(&lock));
        say("released: %d", released.load());
        pause_for(30ms);
        say("about to unlock");
        ::pthread_rwlock_unlock(&lock);
    });
    pause_for(20ms);
    released = true;
    ::pthread_rwlock_unlock(&lock);
    writer.join();
    report_error("trywrlock", ::pthread_rwlock_trywrlock(&lock));
    report_error("unlock", ::pthread_rwlock_unlock(&lock));
}

PROBE("rwlocks: with a limit, and by the writer itself", "pthread_rwlock_rdlock",
      "pthread_rwlock_wrlock", "pthread_rwlock_unlock", "pthread_rwlock_timedrdlock",
      "pthread_rwlock_timedwrlock", "pthread_rwlock_clockrdlock", "pthread_rwlock_clockwrlock") {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    ::pthread_rwlock_wrlock(&lock);
    report_error("rdlock by the writer", ::pthread_rwlock_rdlock(&lock));
    report_error("wrlock by the writer", ::pthread_rwlock_wrlock(&lock));
    Actor other = spawn([&] {
        Stopwatch watch;
        timespec until = after(CLOCK_REALTIME, 30ms);
        report_error("timedrdlock", ::pthread_rwlock_timedrdlock(&lock, &until));
        report_error("timedwrlock", ::pthread_rwlock_timedwrlock(&lock, &until));
        watch.expect("both", 30ms);
        until = after(CLOCK_MONOTONIC, 30ms);
        report_error("clockrdlock", ::pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &until));
        report_error("clockwrlock", ::pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &until));
        watch.expect("all", 60ms);
    });
    other.join();
    report_error("unlock", ::pthread_rwlock_unlock(&lock));
}

PROBE("semaphores", "sem_wait", "sem_trywait", "sem_timedwait", "sem_clockwait", "sem_post") {
    sem_t semaphore;
    ::sem_init(&semaphore, 0, 1);
    report("wait", ::sem_wait(&semaphore));
    report("trywait", ::sem_trywait(&semaphore));
    Stopwatch watch;
    timespec until = after(CLOCK_REALTIME, 30ms);
    report("timedwait", ::sem_timedwait(&semaphore, &until));
    watch.expect("timedwait", 30ms);
    until = after(CLOCK_MONOTONIC, 30ms);
    report("clockwait", ::sem_clockwait(&semaphore, CLOCK_MONOTONIC, &until));
    watch.expect("clockwait", 60ms);
    until = {1, -1};
    report("a wrong time", ::sem_timedwait(&semaphore, &until));
    Actor poster = spawn([&] {
        pause_for(20ms);
        ::sem_post(&semaphore);
        pause_for(20ms);
        ::sem_post(&semaphore);
    });
    auto waiter = [&] { report("wait", ::sem_wait(&semaphore)); };
    Actor a = spawn(waiter), b = spawn(waiter);
    poster.join();
    a.join();
    b.join();
    int value = -1;
    ::sem_getvalue(&semaphore, &value);
    say("value: %d", value);
}

PROBE("barriers", "pthread_barrier_wait") {
    pthread_barrier_t barrier;
    ::pthread_barrier_init(&barrier, nullptr, 3);
    std::atomic<int> serial{0}, passed{0};
    auto actor = [&] {
        for (int i = 0; i < 3; ++i) {
            if (::pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) ++serial;
            ++passed;
        }
    };
    Actor a = spawn(actor), b = spawn(actor);
    pause_for(20ms);
    say("nobody has passed: %d", passed == 0);
    actor();
    a.join();
    b.join();
    say("passed %d, serial %d", passed.load(), serial.load());
}

PROBE("spin locks", "pthread_spin_lock", "pthread_spin_trylock", "pthread_spin_unlock") {
    pthread_spinlock_t lock;
    ::pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    report_error("lock", ::pthread_spin_lock(&lock));
    Actor other = spawn([&] {
        report_error("trylock", ::pthread_spin_trylock(&lock));
        report_error("lock", ::pthread_spin_lock(&lock));
        ::pthread_spin_unlock(&lock);
    });
    pause_for(30ms);
    say("unlock");
    ::pthread_spin_unlock(&lock);
}
