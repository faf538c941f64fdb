// SPDX-License-Identifier: BSL-1.0
// What is done once, threads that are joined, futures, atomics, latches.
#include "common.hpp"

#include <atomic>
#include <barrier>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <thread>

#include <pthread.h>
#include <threads.h>

using namespace differential;

namespace {

std::atomic<int> begun{0};
pthread_once_t once = PTHREAD_ONCE_INIT;
once_flag c11_once = ONCE_FLAG_INIT;

void slow_start() {
    ++begun;
    pause_for(30ms);
}

struct Slow {
    explicit Slow(bool fail) {
        ++begun;
        pause_for(30ms);
        if (fail) throw std::runtime_error("no");
    }
};

}  // namespace

PROBE("pthread_once, while it is being done", "pthread_once") {
    auto actor = [] {
        // One line, for the two end at once.
        const int result = ::pthread_once(&once, &slow_start);
        say("once: %d, begun: %d", result, begun.load());
    };
    Actor a = spawn(actor), b = spawn(actor);
    a.join();
    b.join();
    actor();
}

PROBE("call_once of C11", "call_once") {
    auto actor = [] {
        ::call_once(&c11_once, &slow_start);
        say("begun: %d", begun.load());
    };
    Actor a = spawn(actor), b = spawn(actor);
}

PROBE("std::call_once, also when it fails", "pthread_once") {
    std::once_flag flag;
    auto actor = [&] {
        try {
            std::call_once(flag, [] {
                const bool fail = begun++ == 0;
                pause_for(20ms);
                if (fail) throw std::runtime_error("no");
            });
            say("done: %d", begun.load());
        } catch (const std::runtime_error&) {
            say("failed");
        }
    };
    Actor a = spawn(actor), b = spawn(actor);
}

PROBE("local statics", "__cxa_guard_acquire", "__cxa_guard_release", "__cxa_guard_abort") {
    auto actor = [] {
        static const Slow slow(false);
        say("begun: %d", begun.load());
    };
    Actor a = spawn(actor), b = spawn(actor);
    a.join();
    b.join();
    auto failing = [] {
        try {
            static const Slow slow(begun == 1);
            say("made");
        } catch (const std::runtime_error&) {
            say("failed");
        }
    };
    Actor c = spawn(failing), d = spawn(failing);
}

PROBE("std::thread is joined", "pthread_join") {
    Others others;
    std::thread thread([] { std::this_thread::sleep_for(40ms); });
    Stopwatch watch;
    thread.join();
    watch.expect_less("join", 1s);
    others.say_whether_they_ran();
}

PROBE("kinds of join", "pthread_join", "pthread_tryjoin_np", "pthread_timedjoin_np",
      "pthread_clockjoin_np") {
    pthread_t thread;
    ::pthread_create(
        &thread, nullptr,
        [](void*) -> void* {
            const timespec moment{0, 150'000'000};
            ::nanosleep(&moment, nullptr);
            return reinterpret_cast<void*>(7);
        },
        nullptr);
    void* result = nullptr;
    report_error("tryjoin", ::pthread_tryjoin_np(thread, &result));
    timespec until{};
    ::clock_gettime(CLOCK_MONOTONIC, &until);
    report_error("clockjoin", ::pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &until));
    ::clock_gettime(CLOCK_REALTIME, &until);
    report_error("timedjoin", ::pthread_timedjoin_np(thread, &result, &until));
    report_error("join", ::pthread_join(thread, &result));
    say("%ld", reinterpret_cast<long>(result));
    report_error("oneself", ::pthread_join(::pthread_self(), &result));
}

PROBE("threads of C11", "thrd_join") {
    Others others;
    thrd_t thread;
    ::thrd_create(
        &thread,
        [](void*) {
            const timespec moment{0, 40'000'000};
            ::thrd_sleep(&moment, nullptr);
            return 7;
        },
        nullptr);
    int result = 0;
    say("%d", ::thrd_join(thread, &result) == thrd_success);
    say("%d", result);
    others.say_whether_they_ran();
}

PROBE("std::async and futures", "syscall", "pthread_join", "pthread_once") {
    std::future<int> result = std::async(std::launch::async, [] {
        std::this_thread::sleep_for(30ms);
        return 7;
    });
    say("ready at once: %d", result.wait_for(1ms) == std::future_status::ready);
    say("%d", result.get());
    std::promise<int> promise;
    Actor other = spawn([&] {
        pause_for(30ms);
        promise.set_value(8);
    });
    say("%d", promise.get_future().get());
}

PROBE("waiting for atomics", "syscall") {
    std::atomic<int> value{0};
    Actor other = spawn([&] {
        pause_for(30ms);
        value = 1;
        value.notify_one();
    });
    value.wait(0);
    say("%d", value.load());
}

PROBE("latches, barriers and semaphores of C++", "syscall") {
    std::latch latch(2);
    std::counting_semaphore<4> semaphore(0);
    std::barrier barrier(2);
    Actor other = spawn([&] {
        pause_for(20ms);
        latch.count_down();
        semaphore.acquire();
        barrier.arrive_and_wait();
    });
    latch.arrive_and_wait();
    pause_for(20ms);
    semaphore.release();
    barrier.arrive_and_wait();
    say("in time: %d", semaphore.try_acquire_for(30ms));
}
