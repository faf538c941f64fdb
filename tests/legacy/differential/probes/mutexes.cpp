// SPDX-License-Identifier: BSL-1.0
// Mutexes, of pthread, C11 and C++.
#include "common.hpp"

#include <atomic>
#include <mutex>
#include <shared_mutex>

#include <pthread.h>
#include <threads.h>

using namespace differential;

namespace {

timespec after(clockid_t clock, std::chrono::nanoseconds duration) {
    timespec now{};
    ::clock_gettime(clock, &now);
    const long all = now.tv_nsec + duration.count();
    return {now.tv_sec + all / 1'000'000'000, all % 1'000'000'000};
}

struct Mutex {
    explicit Mutex(int type = PTHREAD_MUTEX_NORMAL) {
        pthread_mutexattr_t attributes;
        ::pthread_mutexattr_init(&attributes);
        ::pthread_mutexattr_settype(&attributes, type);
        ::pthread_mutex_init(&mutex, &attributes);
    }
    pthread_mutex_t mutex;
};

/// How many are inside at once, at most, while `lock` and `unlock` are around a wait.
template <class Lock, class Unlock>
int most_inside(Lock lock, Unlock unlock) {
    std::atomic<int> inside{0}, most{0};
    auto actor = [&] {
        for (int i = 0; i < 3; ++i) {
            lock();
            const int now = ++inside;
            if (now > most) most = now;
            pause_for(3ms);
            --inside;
            unlock();
        }
    };
    Actor a = spawn(actor), b = spawn(actor), c = spawn(actor);
    a.join();
    b.join();
    c.join();
    return most;
}

}  // namespace

PROBE("a mutex that is held during a wait", "pthread_mutex_lock", "pthread_mutex_unlock") {
    for (const int type : {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK,
                           PTHREAD_MUTEX_ADAPTIVE_NP}) {
        Mutex mutex(type);
        say("%d", most_inside([&] { ::pthread_mutex_lock(&mutex.mutex); },
                              [&] { ::pthread_mutex_unlock(&mutex.mutex); }));
    }
}

PROBE("pthread_mutex_trylock", "pthread_mutex_trylock", "pthread_mutex_unlock",
      "pthread_mutex_lock") {
    for (const int type :
         {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK}) {
        Mutex mutex(type);
        report_error("free", ::pthread_mutex_trylock(&mutex.mutex));
        report_error("mine", ::pthread_mutex_trylock(&mutex.mutex));
        Actor other = spawn([&] { report_error("others'", ::pthread_mutex_trylock(&mutex.mutex)); });
        other.join();
        report_error("unlock", ::pthread_mutex_unlock(&mutex.mutex));
        if (type == PTHREAD_MUTEX_RECURSIVE) ::pthread_mutex_unlock(&mutex.mutex);
        Actor third = spawn([&] {
            report_error("free again", ::pthread_mutex_trylock(&mutex.mutex));
            ::pthread_mutex_unlock(&mutex.mutex);
        });
    }
}

PROBE("recursive mutexes belong to one actor", "pthread_mutex_lock", "pthread_mutex_unlock",
      "pthread_mutex_trylock") {
    Mutex mutex(PTHREAD_MUTEX_RECURSIVE);
    for (int i = 0; i < 3; ++i) report_error("lock", ::pthread_mutex_lock(&mutex.mutex));
    std::atomic<bool> released{false};
    Actor other = spawn([&] {
        report_error("unlock by another", ::pthread_mutex_unlock(&mutex.mutex));
        ::pthread_mutex_lock(&mutex.mutex);
        say("released: %d", released.load());
        ::pthread_mutex_unlock(&mutex.mutex);
    });
    for (int i = 0; i < 3; ++i) {
        pause_for(10ms);
        if (i == 2) released = true;
        ::pthread_mutex_unlock(&mutex.mutex);
    }
    other.join();
    report_error("once too often", ::pthread_mutex_unlock(&mutex.mutex));
}

PROBE("errorcheck mutexes tell of mistakes", "pthread_mutex_lock", "pthread_mutex_unlock") {
    Mutex mutex(PTHREAD_MUTEX_ERRORCHECK);
    report_error("unlock nothing", ::pthread_mutex_unlock(&mutex.mutex));
    report_error("lock", ::pthread_mutex_lock(&mutex.mutex));
    report_error("lock again", ::pthread_mutex_lock(&mutex.mutex));
    Actor other =
        spawn([&] { report_error("unlock by another", ::pthread_mutex_unlock(&mutex.mutex)); });
    other.join();
    report_error("unlock", ::pthread_mutex_unlock(&mutex.mutex));
}

PROBE("locks with a limit", "pthread_mutex_timedlock", "pthread_mutex_clocklock",
      "pthread_mutex_lock", "pthread_mutex_unlock") {
    Mutex mutex;
    ::pthread_mutex_lock(&mutex.mutex);
    Others others;
    Actor other = spawn([&] {
        Stopwatch watch;
        timespec until = after(CLOCK_REALTIME, 40ms);
        report_error("timedlock", ::pthread_mutex_timedlock(&mutex.mutex, &until));
        watch.expect("timedlock", 40ms);
        until = after(CLOCK_MONOTONIC, 40ms);
        report_error("clocklock",
                     ::pthread_mutex_clocklock(&mutex.mutex, CLOCK_MONOTONIC, &until));
        watch.expect("clocklock", 80ms);
        until = {1, 0};
        report_error("the past", ::pthread_mutex_timedlock(&mutex.mutex, &until));
        until = {1, -1};
        report_error("a wrong time", ::pthread_mutex_timedlock(&mutex.mutex, &until));
        until = after(CLOCK_REALTIME, 5s);
        report_error("in time", ::pthread_mutex_timedlock(&mutex.mutex, &until));
        ::pthread_mutex_unlock(&mutex.mutex);
    });
    pause_for(150ms);
    others.say_whether_they_ran();
    ::pthread_mutex_unlock(&mutex.mutex);
    other.join();
    ::pthread_mutex_lock(&mutex.mutex);
    timespec until = after(CLOCK_REALTIME, 20ms);
    report_error("mine", ::pthread_mutex_timedlock(&mutex.mutex, &until));
}

PROBE("a normal mutex may be unlocked by another", "pthread_mutex_lock", "pthread_mutex_unlock") {
    Mutex mutex;
    ::pthread_mutex_lock(&mutex.mutex);
    int unlocked = -1;
    Actor other = spawn([&] {
        pause_for(20ms);
        unlocked = ::pthread_mutex_unlock(&mutex.mutex);
    });
    const int locked = ::pthread_mutex_lock(&mutex.mutex);
    other.join();  // the two go on at once from here: reported in one order
    report_error("unlock", unlocked);
    report_error("lock", locked);
}

PROBE("mutexes of C++", "pthread_mutex_lock", "pthread_mutex_unlock", "pthread_mutex_clocklock",
      "pthread_mutex_trylock") {
    std::mutex plain;
    say("%d", most_inside([&] { plain.lock(); }, [&] { plain.unlock(); }));
    std::recursive_mutex recursive;
    say("%d", most_inside(
                  [&] {
                      recursive.lock();
                      recursive.lock();
                  },
                  [&] {
                      recursive.unlock();
                      recursive.unlock();
                  }));
    std::timed_mutex timed;
    say("%d", most_inside([&] { static_cast<void>(timed.try_lock_for(10s)); },
                          [&] { timed.unlock(); }));
    const std::lock_guard guard(timed);
    Actor other = spawn([&] {
        Stopwatch watch;
        say("got it: %d", timed.try_lock_for(30ms));
        watch.expect("the limit", 30ms);
    });
    other.join();
}

PROBE("a shared mutex of C++", "pthread_rwlock_rdlock", "pthread_rwlock_wrlock",
      "pthread_rwlock_unlock") {
    std::shared_mutex mutex;
    say("writers: %d", most_inside([&] { mutex.lock(); }, [&] { mutex.unlock(); }));
    say("readers: %d",
        most_inside([&] { mutex.lock_shared(); }, [&] { mutex.unlock_shared(); }) > 1);
}

PROBE("mutexes of C11", "mtx_lock", "mtx_trylock", "mtx_timedlock", "mtx_unlock") {
    mtx_t plain, timed, recursive;
    ::mtx_init(&plain, mtx_plain);
    ::mtx_init(&timed, mtx_timed);
    ::mtx_init(&recursive, mtx_plain | mtx_recursive);
    say("%d", most_inside([&] { ::mtx_lock(&plain); }, [&] { ::mtx_unlock(&plain); }));
    say("%d", most_inside([&] { ::mtx_lock(&recursive); }, [&] { ::mtx_unlock(&recursive); }));
    ::mtx_lock(&timed);
    ::mtx_lock(&recursive);
    say("again: %d", ::mtx_lock(&recursive) == thrd_success);
    Actor other = spawn([&] {
        say("busy: %d", ::mtx_trylock(&timed) == thrd_busy);
        say("busy: %d", ::mtx_trylock(&recursive) == thrd_busy);
        timespec until{};
        ::timespec_get(&until, TIME_UTC);
        until.tv_sec += until.tv_nsec / 960'000'000;
        until.tv_nsec = (until.tv_nsec + 40'000'000) % 1'000'000'000;
        say("too late: %d", ::mtx_timedlock(&timed, &until) == thrd_timedout);
    });
}

PROBE("a thread that is no actor unlocks", "pthread_mutex_lock", "pthread_mutex_unlock") {
    Mutex mutex;
    ::pthread_mutex_lock(&mutex.mutex);
    pthread_t thread;
    ::pthread_create(
        &thread, nullptr,
        [](void* argument) -> void* {
            const timespec moment{0, 30'000'000};
            ::nanosleep(&moment, nullptr);
            ::pthread_mutex_unlock(static_cast<pthread_mutex_t*>(argument));
            return nullptr;
        },
        &mutex.mutex);
    report_error("lock", ::pthread_mutex_lock(&mutex.mutex));
    ::pthread_join(thread, nullptr);
}
