// SPDX-License-Identifier: BSL-1.0
// Loops that come and go, their threads, and durations at the ends of their range.
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <pthread.h>
#include <unistd.h>

using coir_test::in_child;
using coir_test::run_in_loop;
using namespace std::chrono_literals;

TEST_CASE("B33: durations at the ends of their range mean what they say") {
    using coir::Nanoseconds;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    run_in_loop([=] {
        const auto never = [](auto duration) {
            auto task = coir::create_task([duration] { coir::sleep(duration); });
            for (int i = 0; i < 3; ++i) coir::yield_now();
            const bool waits = !task.done();
            task.cancel();
            CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
            return waits;
        };
        const auto at_once = [](auto duration) {
            auto task = coir::create_task([duration] { coir::sleep(duration); });
            for (int i = 0; i < 3; ++i) coir::yield_now();
            return task.done();
        };
        using Seconds = std::chrono::duration<double>;
        CHECK(never(Nanoseconds::max()));
        CHECK(never(Nanoseconds::max() - 1ns));
        CHECK(never(std::chrono::hours::max()));
        CHECK(never(std::chrono::years(292)));
        CHECK(never(std::chrono::years(1'000'000)));
        CHECK(never(std::chrono::hours(25 * 24)));  // more milliseconds than an int has
        CHECK(never(Seconds(1e300)));
        CHECK(never(Seconds(infinity)));
        CHECK(never(Seconds(9.3e9)));
        CHECK(at_once(0ns));
        CHECK(at_once(-1ns));
        CHECK(at_once(Nanoseconds::min()));
        CHECK(at_once(std::chrono::hours::min()));
        CHECK(at_once(Seconds(-1e300)));
        CHECK(at_once(Seconds(-infinity)));
        CHECK(at_once(Seconds(-0.0)));
        CHECK_THROWS_AS(coir::sleep(Seconds(nan)), std::invalid_argument);
        CHECK_THROWS_AS(coir::wait_for(coir::create_task([] {}), Seconds(nan)), std::invalid_argument);
    });
}

TEST_CASE("B09: a thread that is cancelled while its loop runs ends after the loop, not inside it") {
    if (COIR_ASAN) COIR_SKIP("AddressSanitizer takes the frames that a cancelled thread leaves for live ones");
    if (coir_test::reactor() == "select") return;  // it closes by libc's close(), a cancellation point
    std::atomic<bool> inside{false};
    std::atomic<bool> cancelled{false};
    std::atomic<bool> loop_ended{false};
    std::atomic<bool> went_on{false};
    std::thread thread([&] {
        coir::run(
            [&] {
                inside = true;
                while (!cancelled) coir::sleep(1ms);
                ::usleep(1000);  // a cancellation point
                coir::sleep(1ms);
                loop_ended = true;
            },
            coir_test::options());
        ::pthread_testcancel();
        went_on = true;
    });
    while (!inside) std::this_thread::yield();
    REQUIRE(::pthread_cancel(thread.native_handle()) == 0);
    cancelled = true;
    thread.join();
    CHECK(loop_ended);
    CHECK_FALSE(went_on);
}

TEST_CASE("B63: a loop is run on one thread, and says so to another") {
    coir::EventLoop loop(coir_test::options());
    loop.run_until_complete([] { coir::yield_now(); });
    bool refused = false;
    std::thread([&] {
        try {
            loop.run_until_complete([] {});
        } catch (const coir::WrongThreadError&) {
            refused = true;
        }
    }).join();
    CHECK(refused);
    loop.run_until_complete([] { coir::yield_now(); });
}

TEST_CASE("B83: exit() in a task ends the process with its code, whatever waits") {
    if (COIR_ASAN) COIR_SKIP("LeakSanitizer takes what exit() leaves behind for leaks, and changes the status");
    COIR_NEEDS_FORK();
    for (int step = 0; step < 12; ++step) {
        const auto ended = in_child([step] {
            coir::run(
                [step] {
                    coir::Lock lock;
                    coir::Queue<int> queue(1);
                    auto holder = coir::create_task([&] {
                        std::scoped_lock own(lock);
                        coir::sleep(1h);
                    });
                    auto waiter = coir::create_task([&] { std::scoped_lock own(lock); });
                    auto getter = coir::create_task([&] { return queue.get(); });
                    auto ender = coir::create_task([step] {
                        for (int i = 0; i < step; ++i) coir::yield_now();
                        std::exit(40 + step);
                    });
                    coir::await(ender);
                },
                coir_test::options());
        });
        INFO("step " << step << ": " << ended.errors);
        CHECK(ended.exited_with(40 + step));
    }
}

TEST_CASE("B86: loops come and go by the thousand, and leave nothing") {
    const int cycles = coir_test::is_virtual_time() ? 3'000 : 1'000;
    const auto cycle = [] {
        coir::run([] { coir::await(coir::create_task([] { coir::yield_now(); })); }, coir_test::options());
    };
    cycle();
    const std::size_t before = coir_test::FdCount::open_now();
    for (int i = 0; i < cycles; ++i) cycle();
    CHECK(coir_test::FdCount::open_now() == before);
}
