// SPDX-License-Identifier: BSL-1.0
// Waiting in tasks with what C++ and C have for it: condition variables, futures, threads, initializers,
// atomics, latches, semaphores, barriers.
#include "lock_probes.hpp"

#include <barrier>
#include <condition_variable>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <stdexcept>

#include <linux/futex.h>
#include <semaphore.h>
#include <threads.h>

using namespace legacy_test;

namespace {

timespec in(clockid_t clock, std::chrono::nanoseconds duration) {
    timespec when{};
    ::clock_gettime(clock, &when);
    when.tv_nsec += duration.count();
    when.tv_sec += when.tv_nsec / 1'000'000'000;
    when.tv_nsec %= 1'000'000'000;
    return when;
}

// Whether other tasks go on while `call` waits.
template <class F>
void suspends(const char* name, F call) {
    INFO(name);
    const Turns turns;
    const int before = turns.count();
    call();
    CHECK(turns.count() > before + 1);
}

}  // namespace

TEST_CASE("condition variables between tasks, and between tasks and threads", "[legacy]") {
    const Watchdog watchdog;
    for (const int loops : {1, 4}) {
        std::mutex mutex;
        std::condition_variable condition;
        int tokens = 10, taken = 0;  // the thread's
        std::thread thread([&] {
            for (int i = 0; i < 10; ++i) {
                std::unique_lock lock(mutex);
                condition.wait(lock, [&] { return tokens > 0; });
                --tokens;
                ++taken;
            }
        });
        on_loops(loops, [&] {
            auto makers = coir::create_task([&] {
                for (int i = 0; i < 30; ++i) {
                    const std::lock_guard lock(mutex);
                    ++tokens;
                    condition.notify_one();
                    if (i % 5 == 0) condition.notify_all();
                }
            });
            run_tasks(3, [&] {
                for (int i = 0; i < 10; ++i) {
                    std::unique_lock lock(mutex);
                    condition.wait(lock, [&] { return tokens > 0; });
                    --tokens;
                    ++taken;
                }
            });
            coir::await(makers);
        });
        thread.join();
        CHECK(taken == 10 + 30 * loops);
        CHECK(tokens == 0);
    }
}

TEST_CASE("timed condition waits, by every clock", "[legacy]") {
    const Watchdog watchdog;
    coir_test::run_in_loop([] {
        std::mutex mutex;
        std::condition_variable condition;
        std::unique_lock lock(mutex);
        suspends("wait_for", [&] {
            CHECK(time_of([&] {
                      CHECK(condition.wait_for(lock, 20ms) == std::cv_status::timeout);
                  }) >= 20ms);
        });
        suspends("wait_until", [&] {
            CHECK(condition.wait_until(lock, std::chrono::system_clock::now() + 20ms) ==
                  std::cv_status::timeout);
        });
        pthread_condattr_t attributes;
        ::pthread_condattr_init(&attributes);
        ::pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_t monotonic;
        ::pthread_cond_init(&monotonic, &attributes);
        const timespec when = in(CLOCK_MONOTONIC, 20ms);
        CHECK(time_of([&] {
                  CHECK(::pthread_cond_timedwait(&monotonic, mutex.native_handle(), &when) ==
                        ETIMEDOUT);
              }) >= 19ms);
        const timespec wrong{0, -1};
        CHECK(::pthread_cond_timedwait(&monotonic, mutex.native_handle(), &wrong) == EINVAL);
        ::pthread_cond_destroy(&monotonic);
        ::pthread_condattr_destroy(&attributes);
        CHECK_FALSE(mutex.try_lock());  // held again

        mtx_t c_mutex;
        cnd_t c_condition;
        ::mtx_init(&c_mutex, mtx_plain);
        ::cnd_init(&c_condition);
        ::mtx_lock(&c_mutex);
        const timespec soon = in(CLOCK_REALTIME, 10ms);
        CHECK(::cnd_timedwait(&c_condition, &c_mutex, &soon) == thrd_timedout);
        bool go = false;
        auto other = coir::create_task([&] {
            ::mtx_lock(&c_mutex);
            go = true;
            ::cnd_signal(&c_condition);
            ::mtx_unlock(&c_mutex);
        });
        while (!go) CHECK(::cnd_wait(&c_condition, &c_mutex) == thrd_success);
        ::mtx_unlock(&c_mutex);
        coir::await(other);
        ::cnd_destroy(&c_condition);
        ::mtx_destroy(&c_mutex);
    });
}

TEST_CASE("a condition wait of a mutex that is not the caller's fails", "[legacy]") {
    const Watchdog watchdog;
    coir_test::run_in_loop([] {
        const OfKind checking(PTHREAD_MUTEX_ERRORCHECK);
        pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
        CHECK(::pthread_cond_wait(&condition, checking.get()) == EPERM);
        CHECK(::pthread_mutex_lock(checking.get()) == 0);
        CHECK(::pthread_mutex_unlock(checking.get()) == 0);
    });
}

TEST_CASE("a cancelled condition wait wakes for nothing, and the request stays", "[legacy]") {
    const Watchdog watchdog;
    coir_test::run_in_loop([] {
        std::mutex mutex;
        std::condition_variable condition;
        int wakes = 0;
        auto task = coir::create_task([&] {
            std::unique_lock lock(mutex);
            for (;;) {
                condition.wait(lock);
                ++wakes;
                if (wakes == 3) coir::checkpoint();
            }
        });
        ::usleep(2000);
        CHECK(wakes == 0);
        CHECK(task.cancel());
        // With the request pending the waits go on, and last 10 ms at most.
        CHECK(time_of([&] { CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError); }) >= 15ms);
        CHECK(wakes == 3);
        CHECK(mutex.try_lock());
        mutex.unlock();
    });
}

TEST_CASE("futures, threads, async", "[legacy]") {
    const Watchdog watchdog;
    for (const int loops : {1, 4}) {
        on_loops(loops, [] {
            std::atomic<int> sum{0};
            run_tasks(5, [&] {
                std::promise<int> promise;
                auto future = promise.get_future();
                std::thread thread([&] {
                    std::this_thread::sleep_for(10ms);
                    promise.set_value(1);
                });
                sum += future.get();
                thread.join();
                auto asynchronous = std::async(std::launch::async, [] {
                    std::this_thread::sleep_for(5ms);
                    return 1;
                });
                if (asynchronous.wait_for(0ms) == std::future_status::timeout) ++sum;
                sum += asynchronous.get();
            });
            if (sum < 10) std::abort();
        });
    }
    coir_test::run_in_loop([] {
        suspends("future.get", [] {
            auto future = std::async(std::launch::async, [] { ::usleep(20'000); });
            future.get();
        });
        suspends("a promise of another task", [] {
            std::promise<void> promise;
            auto task = coir::create_task([&] {
                ::usleep(20'000);
                promise.set_value();
            });
            promise.get_future().get();
            coir::await(task);
        });
        suspends("future.wait_for", [] {
            std::promise<void> promise;
            auto future = promise.get_future();
            CHECK(future.wait_for(20ms) == std::future_status::timeout);
        });
        suspends("thread.join", [] { std::thread([] { ::usleep(20'000); }).join(); });
    });
}

TEST_CASE("joining threads, every way", "[legacy]") {
    const Watchdog watchdog;
    coir_test::run_in_loop([] {
        const auto sleeper = [](void* argument) -> void* {
            ::usleep(20'000);
            return argument;
        };
        int mark = 0;
        void* result = nullptr;
        pthread_t thread;
        REQUIRE(::pthread_create(&thread, nullptr, sleeper, &mark) == 0);
        CHECK(::pthread_tryjoin_np(thread, &result) == EBUSY);
        const timespec soon = in(CLOCK_REALTIME, 2ms);
        CHECK(::pthread_timedjoin_np(thread, &result, &soon) == ETIMEDOUT);
        suspends("pthread_join", [&] { CHECK(::pthread_join(thread, &result) == 0); });
        CHECK(result == &mark);
        REQUIRE(::pthread_create(&thread, nullptr, sleeper, nullptr) == 0);
        const timespec later = in(CLOCK_MONOTONIC, 2s);
        CHECK(::pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &later) == 0);
        CHECK(result == nullptr);
        CHECK(::pthread_join(::pthread_self(), nullptr) == EDEADLK);
        thrd_t other;
        REQUIRE(::thrd_create(&other, [](void*) {
            ::usleep(5000);
            return 7;
        }, nullptr) == thrd_success);
        int value = 0;
        CHECK(::thrd_join(other, &value) == thrd_success);
        CHECK(value == 7);
        // A request does not end it.
        auto task = coir::create_task([] { std::thread([] { ::usleep(20'000); }).join(); });
        ::usleep(2000);
        static_cast<void>(task.cancel());
        coir::await(task);
    });
}

TEST_CASE("B26: initializers run once, and whoever comes meanwhile waits", "[legacy]") {
    const Watchdog watchdog;
    for (const int loops : {1, 4}) {
        std::once_flag flag;
        ::once_flag c_flag = ONCE_FLAG_INIT;
        static std::atomic<int> c_runs;
        c_runs = 0;
        std::atomic<int> runs{0}, early{0};
        std::atomic<bool> ready{false};
        on_loops(loops, [&] {
            run_tasks(5, [&] {
                std::call_once(flag, [&] {
                    ::usleep(5000);
                    ++runs;
                    ready = true;
                });
                if (!ready) ++early;
                ::call_once(&c_flag, [] {
                    ::usleep(5000);
                    ++c_runs;
                });
                if (c_runs != 1) ++early;
            });
        });
        CHECK(runs == 1);
        CHECK(c_runs == 1);
        CHECK(early == 0);
    }
    // One that fails is tried again, with what the next one has brought.
    coir_test::run_in_loop([] {
        std::once_flag flag;
        int tried = 0, done_by = -1;
        std::vector<coir::Task<int>> tasks;
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(coir::create_task([&, i] {
                try {
                    std::call_once(flag, [&, i] {
                        ::usleep(2000);
                        if (++tried < 3) throw std::runtime_error("not yet");
                        done_by = i;
                    });
                } catch (const std::runtime_error&) {
                    return 0;
                }
                return 1;
            }));
        }
        int succeeded = 0;
        for (auto& task : tasks) succeeded += coir::await(task);
        CHECK(succeeded == 1);
        CHECK(tried == 3);
        CHECK(done_by == 2);
    });
    // A thread is at it.
    std::once_flag flag;
    std::atomic<bool> begun{false};
    bool done = false;
    std::thread thread([&] {
        std::call_once(flag, [&] {
            begun = true;
            ::usleep(20'000);
            done = true;
        });
    });
    while (!begun) ::usleep(100);
    coir_test::run_in_loop([&] {
        suspends("call_once", [&] { std::call_once(flag, [&] { done = false; }); });
        CHECK(done);
    });
    thread.join();
}

TEST_CASE("B26: local statics are made once", "[legacy]") {
    const Watchdog watchdog;
    static std::atomic<int> made;
    struct Slow {
        Slow() {
            ::usleep(5000);
            ++made;
            ready = true;
        }
        bool ready = false;
    };
    std::atomic<int> early{0};
    on_loops(4, [&] {
        run_tasks(5, [&] {
            static Slow slow;
            if (!slow.ready) ++early;
        });
    });
    CHECK(made == 1);
    CHECK(early == 0);
    // A constructor that throws leaves it to the next one.
    coir_test::run_in_loop([] {
        static int tried = 0;
        struct Failing {
            Failing() {
                ::usleep(1000);
                if (++tried < 3) throw std::runtime_error("not yet");
            }
        };
        int failed = 0;
        run_tasks(4, [&] {
            try {
                static Failing failing;
            } catch (const std::runtime_error&) {
                ++failed;
            }
        });
        CHECK(tried == 3);
        CHECK(failed == 2);
    });
}

TEST_CASE("atomics, latches, barriers, semaphores of C++", "[legacy]") {
    const Watchdog watchdog;
    for (const int loops : {1, 4}) {
        std::atomic<int> word{0};
        std::latch latch(5 * loops + 1);
        std::barrier barrier(5 * loops);
        std::counting_semaphore<8> semaphore(2);
        std::atomic<int> inside{0}, violations{0}, passed{0};
        std::thread thread([&] {
            ::usleep(10'000);
            word = 1;
            word.notify_all();
            latch.arrive_and_wait();
        });
        on_loops(loops, [&] {
            run_tasks(5, [&] {
                word.wait(0);
                if (word != 1) ++violations;
                latch.arrive_and_wait();
                for (int i = 0; i < 3; ++i) barrier.arrive_and_wait();
                semaphore.acquire();
                if (++inside > 2) ++violations;
                std::this_thread::sleep_for(1ms);
                --inside;
                semaphore.release();
                ++passed;
            });
        });
        thread.join();
        CHECK(violations == 0);
        CHECK(passed == 5 * loops);
        CHECK(semaphore.try_acquire());
        CHECK(semaphore.try_acquire());
        CHECK_FALSE(semaphore.try_acquire_for(1ms));
    }
}

TEST_CASE("syscall() waits for futexes in tasks and is libc's for the rest", "[legacy]") {
    const Watchdog watchdog;
    coir_test::run_in_loop([] {
        CHECK(::syscall(SYS_getpid) == ::getpid());
        int fds[2];
        CHECK(::syscall(SYS_pipe2, fds, O_CLOEXEC) == 0);
        CHECK(::syscall(SYS_close, fds[0]) == 0);
        CHECK(::syscall(SYS_close, fds[1]) == 0);
        CHECK(::syscall(SYS_close, -1) == -1);
        CHECK(errno == EBADF);
        int word = 5;
        CHECK(::syscall(SYS_futex, &word, FUTEX_WAIT, 4, nullptr, nullptr, 0) == -1);
        CHECK(errno == EAGAIN);
        const timespec soon{0, 10'000'000};
        suspends("futex", [&] {
            CHECK(time_of([&] {
                      CHECK(::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &soon, nullptr, 0) == -1);
                      CHECK(errno == ETIMEDOUT);
                  }) >= 10ms);
        });
        const timespec until = in(CLOCK_REALTIME, 10ms);
        CHECK(::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &until, nullptr,
                        1) == -1);
        CHECK(errno == ETIMEDOUT);
        int woken = 0;
        std::vector<coir::Task<void>> tasks;
        for (const unsigned bits : {1u, 2u, 2u}) {
            tasks.push_back(coir::create_task([&, bits] {
                CHECK(::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 5, nullptr, nullptr, bits) ==
                      0);
                ++woken;
            }));
        }
        ::usleep(2000);
        CHECK(::syscall(SYS_futex, &word, FUTEX_WAKE_BITSET_PRIVATE, 10, nullptr, nullptr, 2) == 2);
        ::usleep(1000);
        CHECK(woken == 2);
        CHECK(::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 10, nullptr, nullptr, 0) == 1);
        for (auto& task : tasks) coir::await(task);
    });
}

TEST_CASE("semaphores of POSIX", "[legacy]") {
    const Watchdog watchdog;
    sem_t semaphore;
    for (const int shared : {0, 1}) {
        REQUIRE(::sem_init(&semaphore, shared, 1) == 0);
        std::atomic<int> inside{0}, violations{0};
        const auto work = [&] {
            for (int i = 0; i < 5; ++i) {
                if (::sem_wait(&semaphore) != 0 || inside++ != 0) ++violations;
                ::usleep(200);
                --inside;
                ::sem_post(&semaphore);
            }
        };
        std::thread thread(work);
        on_loops(2, [&] { run_tasks(4, work); });
        thread.join();
        CHECK(violations == 0);
        ::sem_destroy(&semaphore);
    }
    REQUIRE(::sem_init(&semaphore, 0, 0) == 0);
    coir_test::run_in_loop([&] {
        CHECK(::sem_trywait(&semaphore) == -1);
        CHECK(errno == EAGAIN);
        suspends("sem_timedwait", [&] {
            const timespec soon = in(CLOCK_REALTIME, 10ms);
            CHECK(::sem_timedwait(&semaphore, &soon) == -1);
            CHECK(errno == ETIMEDOUT);
        });
        const timespec soon = in(CLOCK_MONOTONIC, 5ms);
        CHECK(::sem_clockwait(&semaphore, CLOCK_MONOTONIC, &soon) == -1);
        const timespec wrong{0, -1};
        CHECK(::sem_timedwait(&semaphore, &wrong) == -1);
        CHECK(errno == EINVAL);
        // What POSIX lets be cancelled is.
        int error = 0;
        auto task = coir::create_task([&] {
            if (::sem_wait(&semaphore) == -1) error = errno;
            coir::checkpoint();
        });
        ::usleep(2000);
        static_cast<void>(task.cancel());
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(error == ECANCELED);
        CHECK(::sem_post(&semaphore) == 0);
        CHECK(::sem_trywait(&semaphore) == 0);
    });
    ::sem_destroy(&semaphore);
}

TEST_CASE("a signal handler posts a semaphore", "[legacy]") {
    const Watchdog watchdog;
    static sem_t semaphore;
    static std::atomic<int> handled;
    handled = 0;
    REQUIRE(::sem_init(&semaphore, 0, 0) == 0);
    struct sigaction action {}, before {};
    action.sa_handler = [](int) {
        ::sem_post(&semaphore);
        ++handled;
    };
    action.sa_flags = SA_RESTART;
    REQUIRE(::sigaction(SIGUSR2, &action, &before) == 0);
    const pthread_t here = ::pthread_self();
    constexpr int count = 200;
    std::thread thread([&] {
        for (int i = 0; i < count; ++i) {
            ::pthread_kill(here, SIGUSR2);  // two that are pending would be one
            while (handled == i) ::usleep(10);
        }
    });
    int got = 0;
    coir_test::run_in_loop([&] {
        run_tasks(4, [&] {
            for (int i = 0; i < count / 4; ++i) {
                if (::sem_wait(&semaphore) == 0) ++got;
            }
        });
    });
    thread.join();
    CHECK(got == count);
    ::sigaction(SIGUSR2, &before, nullptr);
    ::sem_destroy(&semaphore);
}

TEST_CASE("barriers of threads and tasks", "[legacy]") {
    const Watchdog watchdog;
    constexpr unsigned count = 9;
    for (const int shared : {PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED}) {
        pthread_barrierattr_t attributes;
        ::pthread_barrierattr_init(&attributes);
        ::pthread_barrierattr_setpshared(&attributes, shared);
        pthread_barrier_t barrier;
        REQUIRE(::pthread_barrier_init(&barrier, &attributes, count) == 0);
        std::atomic<int> serial{0}, arrived{0}, early{0};
        const auto work = [&] {
            for (int round = 1; round <= 3; ++round) {
                ++arrived;
                const int result = ::pthread_barrier_wait(&barrier);
                if (arrived < round * static_cast<int>(count)) ++early;
                if (result == PTHREAD_BARRIER_SERIAL_THREAD) ++serial;
                if (result != PTHREAD_BARRIER_SERIAL_THREAD && result != 0) early += 100;
                ::pthread_barrier_wait(&barrier);
            }
        };
        std::thread thread(work);
        on_loops(2, [&] { run_tasks(4, work); });
        thread.join();
        CHECK(early == 0);
        CHECK(serial == 3);
        CHECK(::pthread_barrier_destroy(&barrier) == 0);
        ::pthread_barrierattr_destroy(&attributes);
    }
    pthread_barrier_t barrier;
    CHECK(::pthread_barrier_init(&barrier, nullptr, 0) == EINVAL);
}
