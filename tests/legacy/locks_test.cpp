// SPDX-License-Identifier: BSL-1.0
// Locks of C++ and C in tasks, unchanged: held while the holder sleeps, waited for by tasks of one
// and of four loops.
#include "lock_probes.hpp"

#include <condition_variable>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <thread>

#include <threads.h>

using namespace legacy_test;

namespace {

// So many tasks on each of so many loops call enter(), sleep inside, and call leave(); one at most may
// be inside at a time.
template <class Enter, class Leave>
void exclude_each_other(const char* name, Enter enter, Leave leave) {
    INFO(name);
    for (const int loops : {1, 4}) {
        std::atomic<int> inside{0}, violations{0}, done{0};
        on_loops(loops, [&] {
            run_tasks(10, [&] {
                for (int i = 0; i < 2; ++i) {
                    enter();
                    if (inside.fetch_add(1) != 0) ++violations;
                    std::this_thread::sleep_for(1ms);
                    inside.fetch_sub(1);
                    leave();
                }
                ++done;
            });
        });
        CHECK(violations == 0);
        CHECK(done == 10 * loops);
    }
}

template <class Mutex>
void excludes(const char* name) {
    Mutex mutex;
    exclude_each_other(name, [&] { mutex.lock(); }, [&] { mutex.unlock(); });
}

}  // namespace

TEST_CASE("mutexes that are held across a sleep exclude tasks of one loop and of four", "[legacy]") {
    const Watchdog watchdog;
    excludes<std::mutex>("std::mutex");
    excludes<std::timed_mutex>("std::timed_mutex");
    excludes<std::recursive_mutex>("std::recursive_mutex");
    excludes<std::recursive_timed_mutex>("std::recursive_timed_mutex");
    excludes<std::shared_mutex>("std::shared_mutex");
    mtx_t plain;
    REQUIRE(::mtx_init(&plain, mtx_plain) == thrd_success);
    exclude_each_other("mtx_t", [&] { ::mtx_lock(&plain); }, [&] { ::mtx_unlock(&plain); });
    ::mtx_destroy(&plain);
    pthread_spinlock_t spin;
    REQUIRE(::pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) == 0);
    exclude_each_other("spin lock", [&] { ::pthread_spin_lock(&spin); },
                       [&] { ::pthread_spin_unlock(&spin); });
    exclude_each_other("stdio", [] { ::flockfile(stderr); }, [] { ::funlockfile(stderr); });
    for (const int kind : {PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_MUTEX_ERRORCHECK}) {
        const OfKind mutex(kind);
        exclude_each_other("a kind of pthread", [&] { ::pthread_mutex_lock(mutex.get()); },
                           [&] { ::pthread_mutex_unlock(mutex.get()); });
    }
    const OfKind shared(PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_SHARED);
    exclude_each_other("between processes", [&] { ::pthread_mutex_lock(shared.get()); },
                       [&] { ::pthread_mutex_unlock(shared.get()); });
}

TEST_CASE("readers share, writers are alone", "[legacy]") {
    const Watchdog watchdog;
    std::shared_mutex mutex;
    std::atomic<int> readers{0}, most_readers{0}, writers{0}, violations{0};
    on_loops(4, [&] {
        std::atomic<int> number{0};
        run_tasks(12, [&] {
            if (number++ % 4 == 0) {
                const std::unique_lock lock(mutex);
                if (writers++ != 0 || readers != 0) ++violations;
                std::this_thread::sleep_for(1ms);
                --writers;
            } else {
                const std::shared_lock lock(mutex);
                const int now = ++readers;
                if (now > most_readers) most_readers = now;
                if (writers != 0) ++violations;
                std::this_thread::sleep_for(1ms);
                --readers;
            }
        });
    });
    CHECK(violations == 0);
    CHECK(most_readers > 1);
}

TEST_CASE("a wait for a lock ends when its time is over", "[legacy]") {
    const Watchdog watchdog;
    coir_test::run_in_loop([] {
        std::timed_mutex mutex;
        std::recursive_timed_mutex recursive;
        std::shared_timed_mutex shared;
        mutex.lock();
        recursive.lock();
        shared.lock();
        auto other = coir::create_task([&] {
            CHECK(time_of([&] { CHECK_FALSE(mutex.try_lock_for(5ms)); }) >= 5ms);
            CHECK(time_of([&] { CHECK_FALSE(recursive.try_lock_for(5ms)); }) >= 5ms);
            CHECK(time_of([&] { CHECK_FALSE(shared.try_lock_for(5ms)); }) >= 5ms);
            CHECK(time_of([&] { CHECK_FALSE(shared.try_lock_shared_for(5ms)); }) >= 5ms);
            timespec wrong{0, 2'000'000'000};
            CHECK(::pthread_mutex_timedlock(mutex.native_handle(), &wrong) == EINVAL);
            timespec past{1, 0};
            CHECK(::pthread_mutex_timedlock(mutex.native_handle(), &past) == ETIMEDOUT);
            CHECK(mutex.try_lock_until(std::chrono::system_clock::now() + 2s));
            mutex.unlock();
        });
        std::this_thread::sleep_for(60ms);
        mutex.unlock();
        recursive.unlock();
        shared.unlock();
        coir::await(other);
    });
}

TEST_CASE("tasks own their recursive locks", "[legacy]") {
    const Watchdog watchdog;
    coir_test::run_in_loop([] {
        const OfKind recursive(PTHREAD_MUTEX_RECURSIVE), checking(PTHREAD_MUTEX_ERRORCHECK);
        CHECK(::pthread_mutex_lock(recursive.get()) == 0);
        CHECK(::pthread_mutex_lock(recursive.get()) == 0);
        CHECK(::pthread_mutex_trylock(recursive.get()) == 0);
        CHECK(::pthread_mutex_lock(checking.get()) == 0);
        CHECK(::pthread_mutex_lock(checking.get()) == EDEADLK);
        CHECK(::pthread_mutex_trylock(checking.get()) == EBUSY);
        auto other = coir::create_task([&] {
            CHECK(::pthread_mutex_trylock(recursive.get()) == EBUSY);
            CHECK(::pthread_mutex_unlock(recursive.get()) == EPERM);
            CHECK(::pthread_mutex_trylock(checking.get()) == EBUSY);
            CHECK(::pthread_mutex_unlock(checking.get()) == EPERM);
        });
        coir::await(other);
        std::thread([&] {
            CHECK(::pthread_mutex_trylock(recursive.get()) == EBUSY);
            CHECK(::pthread_mutex_unlock(recursive.get()) == EPERM);
            CHECK(::pthread_mutex_unlock(checking.get()) == EPERM);
        }).join();
        int entered = 0;
        auto waiting = coir::create_task([&] {
            CHECK(::pthread_mutex_lock(recursive.get()) == 0);
            entered = 1;
            CHECK(::pthread_mutex_unlock(recursive.get()) == 0);
            CHECK(::pthread_mutex_unlock(recursive.get()) == EPERM);
        });
        for (int i = 0; i < 3; ++i) {
            std::this_thread::sleep_for(1ms);
            CHECK(entered == 0);
            CHECK(::pthread_mutex_unlock(recursive.get()) == 0);
        }
        coir::await(waiting);
        CHECK(::pthread_mutex_unlock(checking.get()) == 0);
        CHECK(::pthread_mutex_unlock(checking.get()) == EPERM);
    });
}

TEST_CASE("threads and tasks share a lock", "[legacy]") {
    const Watchdog watchdog;
    for (const int kind : {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK,
                           PTHREAD_MUTEX_ADAPTIVE_NP}) {
        INFO("kind " << kind);
        const OfKind mutex(kind);
        int inside = 0;  // guarded by the mutex
        std::atomic<int> violations{0};
        const auto work = [&] {
            for (int i = 0; i < 20; ++i) {
                if (::pthread_mutex_lock(mutex.get()) != 0) ++violations;
                if (inside++ != 0) ++violations;
                ::usleep(100);
                --inside;
                if (::pthread_mutex_unlock(mutex.get()) != 0) ++violations;
            }
        };
        std::thread first(work), second(work);
        on_loops(2, [&] { run_tasks(4, work); });
        first.join();
        second.join();
        CHECK(violations == 0);
    }
}

TEST_CASE("a task waits for a lock that a thread gives back in a condition wait", "[legacy]") {
    const Watchdog watchdog;
    std::mutex mutex;
    std::condition_variable condition;
    bool waiting = false, go = false;
    std::thread thread([&] {
        std::unique_lock lock(mutex);
        waiting = true;
        ::usleep(20'000);  // the task stands at the mutex meanwhile
        while (!go) condition.wait(lock);
    });
    coir_test::run_in_loop([&] {
        for (;;) {
            const std::lock_guard lock(mutex);
            if (waiting) break;
        }
        const std::lock_guard lock(mutex);
        go = true;
        condition.notify_one();
    });
    thread.join();
    CHECK(go);
}

TEST_CASE("the wait for a mutex does not end by a cancel request", "[legacy]") {
    const Watchdog watchdog;
    coir_test::run_in_loop([] {
        std::mutex mutex;
        mutex.lock();
        bool locked = false, thrown = false;
        auto task = coir::create_task([&] {
            const std::lock_guard lock(mutex);
            locked = true;
            try {
                coir::checkpoint();
            } catch (const coir::CancelledError&) {
                thrown = true;
                throw;
            }
        });
        ::usleep(2000);
        CHECK(task.cancel());
        ::usleep(2000);
        CHECK_FALSE(task.done());
        mutex.unlock();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(locked);
        CHECK(thrown);
    });
}

TEST_CASE("what cannot be taken does not stop the loop: trylock in a circle", "[legacy]") {
    const Watchdog watchdog;
    coir_test::run_in_loop([] {
        std::mutex mutex;
        std::recursive_mutex recursive;
        auto holder = coir::create_task([&] {
            const std::scoped_lock both(mutex, recursive);
            ::usleep(5000);
        });
        ::usleep(1000);
        while (!mutex.try_lock()) {
        }
        while (!recursive.try_lock()) {
        }
        recursive.unlock();
        mutex.unlock();
        coir::await(holder);
    });
}

TEST_CASE("mutexes of the kernel's kinds block, and say so", "[legacy]") {
    const Watchdog watchdog;
    pthread_mutexattr_t attributes;
    REQUIRE(::pthread_mutexattr_init(&attributes) == 0);
    REQUIRE(::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
    pthread_mutex_t mutex;
    REQUIRE(::pthread_mutex_init(&mutex, &attributes) == 0);
    std::atomic<bool> held{false};
    std::thread thread([&] {
        ::pthread_mutex_lock(&mutex);
        held = true;
        ::usleep(20'000);
        ::pthread_mutex_unlock(&mutex);
    });
    while (!held) ::usleep(100);
    coir_test::run_in_loop([&] {
        CHECK(::pthread_mutex_lock(&mutex) == 0);
        CHECK(::pthread_mutex_unlock(&mutex) == 0);
    });
    thread.join();
    ::pthread_mutex_destroy(&mutex);
    ::pthread_mutexattr_destroy(&attributes);
}

TEST_CASE("a lock outlives a fork, its waiters do not", "[legacy]") {
    const Watchdog watchdog;
    coir_test::run_in_loop([] {
        std::mutex mutex;
        mutex.lock();
        auto waiter = coir::create_task([&] { const std::lock_guard lock(mutex); });
        ::usleep(1000);
        const pid_t child = ::fork();
        if (child == 0) {
            mutex.unlock();  // there is nobody to be woken
            const bool free = mutex.try_lock();
            mutex.unlock();
            ::_exit(free ? 0 : 1);
        }
        REQUIRE(child > 0);
        int status = -1;
        CHECK(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        mutex.unlock();
        coir::await(waiter);
    });
}
