// SPDX-License-Identifier: BSL-1.0
// sleep, usleep, nanosleep, clock_nanosleep, thrd_sleep, and the yields.
#include "common.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <sched.h>
#include <sys/select.h>
#include <threads.h>
#include <time.h>

using namespace differential;

namespace {

timespec in(clockid_t clock, std::chrono::nanoseconds duration) {
    timespec now{};
    ::clock_gettime(clock, &now);
    const long all = now.tv_nsec + duration.count();
    return {now.tv_sec + all / 1'000'000'000, all % 1'000'000'000};
}

}  // namespace

PROBE("all sleeps take their time", "usleep", "nanosleep", "clock_nanosleep", "thrd_sleep") {
    const timespec moment{0, 30'000'000};
    Others others;
    Stopwatch watch;
    report("usleep", ::usleep(30'000));
    watch.expect("usleep", 30ms);
    report("nanosleep", ::nanosleep(&moment, nullptr));
    watch.expect("nanosleep", 60ms);
    report_error("clock_nanosleep", ::clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, nullptr));
    watch.expect("clock_nanosleep", 90ms);
    report("thrd_sleep", ::thrd_sleep(&moment, nullptr));
    watch.expect("thrd_sleep", 120ms);
    others.say_whether_they_ran();
}

PROBE("sleep", "sleep") {
    Others others;
    Stopwatch watch;
    report("sleep", ::sleep(1));
    watch.expect("sleep", 1s);
    others.say_whether_they_ran();
    report("not at all", ::sleep(0));
}

PROBE("sleeping until a time", "clock_nanosleep") {
    Others others;
    Stopwatch watch;
    for (const clockid_t clock : {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI}) {
        const timespec until = in(clock, 25ms);
        report_error("until", ::clock_nanosleep(clock, TIMER_ABSTIME, &until, nullptr));
    }
    watch.expect("four times", 100ms);
    others.say_whether_they_ran();
    const timespec past{1, 0};
    Stopwatch again;
    report_error("the past", ::clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, nullptr));
    again.expect_less("the past", 500ms);
}

PROBE("wrong times", "nanosleep", "clock_nanosleep", "thrd_sleep", "usleep") {
    timespec left{7, 7};
    for (const timespec wrong : {timespec{-1, 0}, timespec{0, -1}, timespec{0, 1'000'000'000}}) {
        report("nanosleep", ::nanosleep(&wrong, &left));
        report_error("clock_nanosleep", ::clock_nanosleep(CLOCK_MONOTONIC, 0, &wrong, &left));
        report_error("until",
                     ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wrong, nullptr));
        report("thrd_sleep", ::thrd_sleep(&wrong, &left));
    }
    say("untouched: %ld %ld", static_cast<long>(left.tv_sec), left.tv_nsec);
    const timespec moment{0, 1000};
    report_error("no such clock", ::clock_nanosleep(77, 0, &moment, nullptr));
    report_error("this thread's clock",
                 ::clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &moment, nullptr));
}

PROBE("sleeps of no time", "usleep", "nanosleep", "thrd_sleep") {
    const timespec zero{0, 0};
    timespec left{7, 7};
    Stopwatch watch;
    report("usleep", ::usleep(0));
    report("nanosleep", ::nanosleep(&zero, &left));
    say("untouched: %ld %ld", static_cast<long>(left.tv_sec), left.tv_nsec);
    report("thrd_sleep", ::thrd_sleep(&zero, nullptr));
    watch.expect_less("all", 500ms);
}

PROBE("who sleeps shorter wakes earlier", "usleep", "nanosleep") {
    auto sleeper = [](int number) {
        ::usleep(static_cast<useconds_t>(number) * 60'000);
        say("%d", number);
    };
    Actor c = spawn([&] { sleeper(3); });
    Actor a = spawn([&] { sleeper(1); });
    Actor b = spawn([&] { sleeper(2); });
}

PROBE("many sleep at once", "usleep") {
    Stopwatch watch;
    std::atomic<int> done{0};
    {
        std::vector<Actor> actors;
        for (int i = 0; i < 50; ++i) {
            actors.push_back(spawn([&] {
                ::usleep(40'000);
                ++done;
            }));
        }
    }
    watch.expect("all", 40ms);
    say("%d", done.load());
}

PROBE("yields let others go on", "sched_yield", "thrd_yield") {
    std::atomic<int> turn{0};
    Actor other = spawn([&] {
        for (int i = 0; i < 100; ++i) {
            while (turn != 1) ::sched_yield();
            turn = 0;
        }
    });
    for (int i = 0; i < 100; ++i) {
        while (turn != 0) ::thrd_yield();
        turn = 1;
    }
    other.join();
    report("sched_yield", ::sched_yield());
    say("done");
}

PROBE("C++ sleeps", "nanosleep", "clock_nanosleep") {
    Others others;
    Stopwatch watch;
    std::this_thread::sleep_for(30ms);
    watch.expect("sleep_for", 30ms);
    std::this_thread::sleep_until(std::chrono::system_clock::now() + 30ms);
    watch.expect("sleep_until", 60ms);
    others.say_whether_they_ran();
}

PROBE("nanosleep leaves the rest alone when it is not interrupted", "nanosleep",
      "clock_nanosleep") {
    const timespec moment{0, 5'000'000};
    timespec left{7, 7};
    report("nanosleep", ::nanosleep(&moment, &left));
    report_error("clock_nanosleep", ::clock_nanosleep(CLOCK_REALTIME, 0, &moment, &left));
    say("untouched: %ld %ld", static_cast<long>(left.tv_sec), left.tv_nsec);
}

PROBE("memory that is not there: nanosleep and select", "nanosleep", "select") {
    report("nanosleep", ::nanosleep(bad_memory<const timespec>(), nullptr));
    report("select", ::select(5, bad_memory<fd_set>(), nullptr, nullptr, nullptr));
}
