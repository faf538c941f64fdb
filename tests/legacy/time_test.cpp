// SPDX-License-Identifier: BSL-1.0
// sleep, usleep, nanosleep and the yields in tasks.
#include "probes.hpp"

#include <cerrno>
#include <thread>
#include <vector>

#include <sched.h>
#include <threads.h>
#include <time.h>

using namespace legacy_test;

namespace {

void sleep_50_ms(int way) {
    const timespec duration{0, 50'000'000};
    switch (way % 5) {
        case 0: CHECK(::usleep(50'000) == 0); break;
        case 1: CHECK(::nanosleep(&duration, nullptr) == 0); break;
        case 2: CHECK(::clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, nullptr) == 0); break;
        case 3: CHECK(::thrd_sleep(&duration, nullptr) == 0); break;
        default: std::this_thread::sleep_for(50ms); break;
    }
}

}  // namespace

TEST_CASE("100 tasks sleep 50 ms at once", "[legacy]") {
    const auto took = time_of([] {
        coir_test::run_in_loop([] {
            std::vector<coir::Task<void>> tasks;
            for (int i = 0; i < 100; ++i) tasks.push_back(coir::create_task(sleep_50_ms, i));
            for (auto& task : tasks) coir::await(task);
        });
    });
    CHECK(took >= 50ms);
    CHECK(took < at_most(300ms));
}

TEST_CASE("sleeping until a time", "[legacy]") {
    coir_test::run_in_loop([] {
        for (const clockid_t clock : {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME}) {
            timespec when{};
            REQUIRE(::clock_gettime(clock, &when) == 0);
            when.tv_nsec += 20'000'000;
            when.tv_sec += when.tv_nsec / 1'000'000'000;
            when.tv_nsec %= 1'000'000'000;
            Turns turns;
            CHECK(::clock_nanosleep(clock, TIMER_ABSTIME, &when, nullptr) == 0);
            timespec now{};
            REQUIRE(::clock_gettime(clock, &now) == 0);
            CHECK((now.tv_sec > when.tv_sec ||
                   (now.tv_sec == when.tv_sec && now.tv_nsec >= when.tv_nsec)));
            CHECK(turns.count() >= 2);
        }
    });
}

TEST_CASE("bad durations are refused as by libc", "[legacy]") {
    coir_test::run_in_loop([] {
        const timespec bad{0, 1'000'000'000};
        CHECK(::nanosleep(&bad, nullptr) == -1);
        CHECK(errno == EINVAL);
        CHECK(::clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, nullptr) == EINVAL);
        CHECK(::clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &bad, nullptr) == EINVAL);
        CHECK(::thrd_sleep(&bad, nullptr) < -1);
        CHECK(::sleep(0) == 0);
    });
}

TEST_CASE("yielding lets other tasks run", "[legacy]") {
    coir_test::run_in_loop([] {
        int turns = 0;
        auto other = coir::create_task([&] { ++turns; });
        SECTION("sched_yield") { CHECK(::sched_yield() == 0); }
        SECTION("thrd_yield") { ::thrd_yield(); }
        CHECK(turns == 1);
        coir::await(other);
    });
}
