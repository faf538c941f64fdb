// SPDX-License-Identifier: BSL-1.0
// The ready queue, timers, stop and close of a loop: semantics.md §2.1, the loop's part of §2.29.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/sync.hpp>

#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir_test::run_in_loop;
using coir_test::run_on_sim;
using coir_test::sim_options;

TEST_CASE("rule 1: call_soon callbacks run in the order of registration, each once") {
    coir::EventLoop loop(sim_options());
    std::string order;
    for (char name = 'a'; name <= 'z'; ++name) loop.call_soon([&order, name] { order += name; });
    loop.call_soon([&] { loop.stop(); });
    CHECK(order.empty());
    loop.run_forever();
    CHECK(order == "abcdefghijklmnopqrstuvwxyz");
    loop.run_once(coir::RunMode::no_wait);
    CHECK(order.size() == 26);
}

TEST_CASE("rule 2: what a callback queues runs after everything that was queued before it") {
    std::string order;
    run_on_sim([&] {
        auto& loop = coir::get_running_loop();
        loop.call_soon([&] {
            order += 'a';
            loop.call_soon([&] { order += 'd'; });
        });
        coir::spawn_detached([&] { order += 'b'; });
        loop.call_soon([&] { order += 'c'; });
        CHECK(order.empty());
        coir::sleep(1s);
    });
    CHECK(order == "abcd");
}

TEST_CASE("rule 3: a cancelled handle does not run; cancelling again is harmless") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        bool soon_ran = false;
        bool timer_ran = false;
        coir::Handle soon = loop.call_soon([&] { soon_ran = true; });
        coir::TimerHandle timer = loop.call_later(1s, [&] { timer_ran = true; });
        CHECK_FALSE(soon.cancelled());
        CHECK_FALSE(timer.cancelled());
        for (int times = 0; times < 3; ++times) {
            soon.cancel();
            timer.cancel();
            CHECK(soon.cancelled());
            CHECK(timer.cancelled());
        }
        coir::sleep(2s);
        CHECK_FALSE(soon_ran);
        CHECK_FALSE(timer_ran);

        bool dropped_ran = false;
        { auto dropped = loop.call_soon([&] { dropped_ran = true; }); }  // dropping cancels nothing
        coir::sleep(1s);
        CHECK(dropped_ran);

        coir::Handle late = loop.call_soon([] {});
        coir::sleep(1s);
        late.cancel();  // has run: no effect but on the flag
        CHECK(late.cancelled());
    });
}

TEST_CASE("rule 4: a callback or timer that an earlier one of the same turn cancels is skipped") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        std::string order;
        coir::Handle second;
        loop.call_soon([&] {
            order += 'a';
            second.cancel();
        });
        second = loop.call_soon([&] { order += 'x'; });
        loop.call_soon([&] { order += 'b'; });
        // Both timers are due at once, so that the second has left the heap when it is cancelled.
        coir::TimerHandle due;
        loop.call_later(1s, [&] {
            order += 'c';
            due.cancel();
        });
        due = loop.call_later(1s, [&] { order += 'y'; });
        coir::sleep(2s);
        CHECK(order == "abc");
    });
}

TEST_CASE("rule 5, B34: a timer never fires before its time") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        coir::TimePoint fired{};
        const auto handle = loop.call_later(1500us, [&] { fired = loop.time(); });
        CHECK(handle.when() == start + 1500us);
        coir::sleep(1s);
        CHECK(fired == start + 1500us);
    });
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        int early = 0;
        int fired = 0;
        for (int i = 0; i < 200; ++i) {
            const auto delay = 37'019ns * (i * 7 % 200);
            const auto due = std::chrono::steady_clock::now() + delay;
            loop.call_later(delay, [&, due] {
                ++fired;
                early += std::chrono::steady_clock::now() < due;
            });
        }
        coir::sleep(50ms);
        CHECK(fired == 200);
        CHECK(early == 0);
    });
}

TEST_CASE("rule 6: timers fire in the order of their due times, also when all are overdue") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        std::string order;
        const auto now = loop.time();
        loop.call_at(now - 1s, [&] { order += 'a'; });
        loop.call_at(now - 2s, [&] { order += 'b'; });
        coir::sleep(1ms);
        CHECK(order == "ba");
        // api.md: a negative duration means now, so that these two are equal.
        order.clear();
        loop.call_later(-1s, [&] { order += 'a'; });
        loop.call_later(-2s, [&] { order += 'b'; });
        coir::sleep(1ms);
        CHECK(order == "ab");
    });
}

TEST_CASE("rule 7, D33, B36: equal due times fire in the order of registration") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        const auto due = loop.time() + 1s;
        std::vector<int> order;
        for (int i = 0; i < 1000; ++i) loop.call_at(due, [&order, i] { order.push_back(i); });
        coir::sleep(2s);
        REQUIRE(order.size() == 1000);
        for (int i = 0; i < 1000; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
    });
}

TEST_CASE("B36: timers may cancel and arm timers from inside") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        const auto due = loop.time() + 1s;
        std::vector<int> order;
        std::vector<coir::TimerHandle> handles;
        for (int i = 0; i < 100; ++i) {
            handles.push_back(loop.call_at(due, [&, i] {
                order.push_back(i);
                if (i + 1 < 100) handles[static_cast<std::size_t>(i) + 1].cancel();
                loop.call_at(due, [&order, i] { order.push_back(1000 + i); });
            }));
        }
        coir::sleep(2s);
        std::vector<int> expected;
        for (int i = 0; i < 100; i += 2) expected.push_back(i);
        for (int i = 0; i < 100; i += 2) expected.push_back(1000 + i);
        CHECK(order == expected);
        CHECK(loop.metrics().timers == 0);
    });
}

TEST_CASE("rule 8 and api.md 1: timers are looked at every 256 steps of a busy loop") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        for (int round = 0; round < 10; ++round) {
            bool fired = false;
            loop.call_later(0s, [&] { fired = true; });
            int steps = 0;
            for (; !fired && steps < 10'000; ++steps) coir::yield_now();
            CHECK(steps <= 257);
            CHECK(steps > 1);  // and not at every step
        }
    });
}

TEST_CASE("rule 9: NaN delays and null callbacks are refused") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
        CHECK_THROWS_AS(loop.call_later(nan, [] {}), std::invalid_argument);
        CHECK_THROWS_AS(coir::sleep(nan), std::invalid_argument);
        CHECK_THROWS_AS(loop.call_soon(std::function<void()>()), std::invalid_argument);
        CHECK_THROWS_AS(loop.call_later(1s, std::function<void()>()), std::invalid_argument);
        void (*null)() = nullptr;
        CHECK_THROWS_AS(loop.call_soon(null), std::invalid_argument);
        CHECK_THROWS_AS(loop.call_soon_threadsafe(null), std::invalid_argument);
        CHECK(loop.metrics().timers == 0);
    });
}

TEST_CASE("rule 10: a cancelled timer does not wake the loop") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        const auto turns = loop.metrics().turns;
        for (int i = 1; i <= 50; ++i) loop.call_later(1ms * i, [] {}).cancel();
        coir::sleep(1s);
        CHECK(loop.metrics().turns - turns <= 3);
    });
}

TEST_CASE("rule 11: cancelled timers leave nothing behind") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        std::weak_ptr<int> kept;
        auto live = loop.call_later(2h, [] {});
        for (int i = 0; i < 100'000; ++i) {
            auto token = std::make_shared<int>(i);
            kept = token;
            loop.call_later(1h + 1ms * (i % 97), [token] {}).cancel();
            REQUIRE(loop.metrics().timers == 1);
        }
        CHECK(kept.expired());
        live.cancel();
        CHECK(loop.metrics().timers == 0);
    });
}

TEST_CASE("rule 12: the loop sleeps until its first live timer, and not when there is work") {
    coir::EventLoop loop(sim_options());
    const auto start = loop.time();
    loop.call_later(1h, [] {}).cancel();
    bool fired = false;
    loop.call_later(48h, [&] { fired = true; });  // poll()'s limit of 24 days and asyncio's of one: none
    loop.call_soon([] {});
    CHECK(loop.run_once(coir::RunMode::wait));
    CHECK(loop.time() == start);
    loop.stop();
    loop.run_forever();
    CHECK(loop.time() == start);
    CHECK_FALSE(loop.run_once(coir::RunMode::no_wait));
    CHECK(loop.time() == start);
    const auto turns = loop.metrics().turns;
    CHECK(loop.run_once(coir::RunMode::wait));
    CHECK(fired);
    CHECK(loop.time() - start == 48h);
    CHECK(loop.metrics().turns - turns <= 2);
}

TEST_CASE("rule 13: stop() lets what is queued run; what comes later waits for the next run") {
    coir::EventLoop loop(sim_options());
    std::string order;
    loop.call_soon([&] {
        order += 'a';
        loop.stop();
        loop.stop();  // twice is once
        loop.call_soon([&] { order += 'c'; });
    });
    loop.call_soon([&] { order += 'b'; });
    loop.run_forever();
    CHECK(order == "ab");
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
    CHECK(order == "abc");
}

TEST_CASE("rule 14, 342: stop() before the run makes one turn that does not sleep") {
    coir::EventLoop loop(sim_options());
    std::string order;
    loop.call_later(1h, [&] { order += 'x'; });
    loop.call_soon([&] {
        order += 'a';
        loop.call_soon([&] { order += 'd'; });
    });
    loop.stop();
    loop.call_soon([&] { order += 'b'; });
    loop.call_later(0s, [&] { order += 'c'; });
    const auto start = loop.time();
    loop.run_forever();
    CHECK(order == "abc");
    CHECK(loop.time() == start);
    // The request is used up.
    loop.call_soon([&] { loop.call_soon([&] { loop.call_soon([&] { loop.stop(); }); }); });
    loop.call_later(0s, [&] { order += 'e'; });
    loop.run_forever();
    CHECK(order == "abcde");
}

TEST_CASE("rule 14: stop() before run_once changes nothing, and does not stop the next run") {
    coir::EventLoop loop(sim_options());
    int ran = 0;
    loop.stop();
    loop.call_soon([&] { ++ran; });
    CHECK(loop.run_once(coir::RunMode::no_wait));
    CHECK(ran == 1);
    CHECK(loop.run_until_complete([] { coir::sleep(1s); return 3; }) == 3);
}

TEST_CASE("rule 15: a stopped run_until_complete throws, and the task can be run on later") {
    coir::EventLoop loop(sim_options());
    auto task = loop.create_task([] {
        coir::sleep(1s);
        return 5;
    });
    loop.call_soon([&] { loop.stop(); });
    CHECK_THROWS_AS(loop.run_until_complete(task), std::logic_error);
    CHECK_FALSE(task.done());
    CHECK(loop.run_until_complete(task) == 5);

    bool entered = false;
    auto other = loop.create_task([&] {
        entered = true;
        coir::sleep(1h);
    });
    loop.stop();
    CHECK_THROWS_AS(loop.run_until_complete(other), std::logic_error);
    CHECK(entered);  // the one turn of rule 14
    other.cancel();
    CHECK_THROWS_AS(loop.run_until_complete(other), coir::CancelledError);
    CHECK(other.cancelled());
}

TEST_CASE("rule 16: run_until_complete refuses what belongs to another loop") {
    coir::EventLoop loop(sim_options());
    coir::EventLoop other(sim_options());
    auto future = other.create_future<int>();
    CHECK_THROWS_AS(loop.run_until_complete(future), coir::WrongThreadError);
    auto task = other.create_task([] { return 1; });
    CHECK_THROWS_AS(loop.run_until_complete(task), coir::WrongThreadError);
    CHECK(other.run_until_complete(task) == 1);
}

TEST_CASE("rule 19: a running loop cannot be closed; closing twice is harmless") {
    coir::EventLoop loop(sim_options());
    loop.run_until_complete([&] {
        CHECK(loop.is_running());
        CHECK_THROWS_AS(loop.close(), std::logic_error);
        CHECK_FALSE(loop.is_closed());
    });
    CHECK_FALSE(loop.is_running());
    loop.close();
    CHECK(loop.is_closed());
    loop.close();
    CHECK(loop.is_closed());
}

TEST_CASE("rule 20: a closed loop refuses everything, and keeps no callable") {
    coir_test::FdCount fds;
    coir::EventLoop loop(sim_options());
    loop.close();
    auto token = std::make_shared<int>(1);
    const auto job = [token] {};
    CHECK_THROWS_AS(loop.run_forever(), std::logic_error);
    CHECK_THROWS_AS(loop.run_once(), std::logic_error);
    CHECK_THROWS_AS(loop.run_until_complete(job), std::logic_error);
    CHECK_THROWS_AS(loop.call_soon(job), std::logic_error);
    CHECK_THROWS_AS(loop.call_soon_threadsafe(job), std::logic_error);
    CHECK_THROWS_AS(loop.call_later(1s, job), std::logic_error);
    CHECK_THROWS_AS(loop.call_at(coir::TimePoint{}, job), std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(loop.create_task(job)), std::logic_error);
    CHECK_THROWS_AS(loop.create_future<int>(), std::logic_error);
    CHECK(token.use_count() == 2);  // here and in `job`
    // What only looks may still look.
    CHECK_FALSE(loop.has_ready());
    CHECK_FALSE(loop.next_timeout().has_value());
    CHECK(loop.fd() == -1);
    CHECK(loop.time() >= coir::TimePoint{});
    CHECK(loop.metrics().tasks_alive == 0);
}

TEST_CASE("rule 20: close() destroys callbacks and timers without running them") {
    auto token = std::make_shared<int>(1);
    bool ran = false;
    coir::TimerHandle kept;
    {
        coir::EventLoop loop(sim_options());
        loop.call_soon([token, &ran] { ran = true; });
        loop.call_soon_threadsafe([token, &ran] { ran = true; });
        loop.call_later(1h, [token, &ran] { ran = true; });
        kept = loop.call_later(2h, [token, &ran] { ran = true; });
        CHECK(token.use_count() == 5);
    }
    CHECK_FALSE(ran);
    kept.cancel();  // the loop is gone; the handle is still good for this
    CHECK(kept.cancelled());
    kept = {};
    CHECK(token.use_count() == 1);
}

TEST_CASE("rule 22, B84: no loop runs inside a running loop") {
    coir::EventLoop outer(sim_options());
    coir::EventLoop inner(sim_options());
    auto attempt = [&] {
        CHECK_THROWS_AS(outer.run_forever(), std::logic_error);
        CHECK_THROWS_AS(inner.run_forever(), std::logic_error);
        CHECK_THROWS_AS(inner.run_once(coir::RunMode::no_wait), std::logic_error);
        CHECK_THROWS_AS(inner.run_until_complete(inner.create_future<int>()), std::logic_error);
        CHECK(&coir::get_running_loop() == &outer);
    };
    outer.call_soon(attempt);
    outer.run_until_complete(attempt);
    CHECK(inner.run_until_complete([] { return 1; }) == 1);
}

TEST_CASE("rule 336: a zero timer armed by a timer waits for the next turn") {
    coir::EventLoop loop(sim_options());
    int fired = 0;
    std::function<void()> again = [&] {
        ++fired;
        loop.call_later(0s, again);
    };
    loop.call_later(0s, again);
    for (int turn = 1; turn <= 5; ++turn) {
        CHECK(loop.run_once(coir::RunMode::wait));
        CHECK(fired == turn);
    }
}

TEST_CASE("rule 338, B33: durations that overflow mean never") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        bool fired = false;
        auto mark = [&] { fired = true; };
        const coir::TimerHandle handles[] = {
            loop.call_later(std::chrono::nanoseconds::max(), mark),
            loop.call_later(std::chrono::hours::max(), mark),
            loop.call_later(std::chrono::duration<double>(INFINITY), mark),
            loop.call_later(std::chrono::duration<float, std::ratio<86400>>(1e30f), mark),
        };
        for (const coir::TimerHandle& handle : handles) CHECK(handle.when() == coir::never);
        bool now = false;
        loop.call_later(std::chrono::duration<double>(-INFINITY), [&] { now = true; });
        auto sleeper = coir::create_task([] { coir::sleep(std::chrono::hours::max()); });
        coir::sleep(24h * 365 * 100);
        CHECK(now);
        CHECK_FALSE(fired);
        CHECK_FALSE(sleeper.done());
        sleeper.cancel();
        CHECK_THROWS_AS(coir::await(sleeper), coir::TaskCancelledError);
        for (coir::TimerHandle handle : handles) handle.cancel();
    });
}

TEST_CASE("rule 341: run_once calls a timer once") {
    coir::EventLoop loop(sim_options());
    int fired = 0;
    loop.call_later(10ms, [&] { ++fired; });
    CHECK_FALSE(loop.run_once(coir::RunMode::no_wait));  // not due, and it does not wait
    CHECK(fired == 0);
    CHECK(loop.run_once(coir::RunMode::wait));
    CHECK(fired == 1);
    CHECK_FALSE(loop.run_once(coir::RunMode::no_wait));
    CHECK(fired == 1);
}

TEST_CASE("rule 359: counters and idle time grow") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        const auto before = loop.metrics();
        CHECK(before.tasks_alive == 1);
        coir::sleep(1h);
        const auto slept = loop.metrics();
        CHECK(slept.idle - before.idle == 1h);
        CHECK(slept.turns > before.turns);
        for (int i = 0; i < 2000; ++i) coir::yield_now();
        auto task = coir::create_task([] {});
        const auto after = loop.metrics();
        CHECK(after.idle == slept.idle);
        CHECK(after.steps >= slept.steps + 1700);  // what is not yet counted is less than a poll's worth
        CHECK(after.steps <= slept.steps + 2100);
        CHECK(after.tasks_created == before.tasks_created + 1);
        CHECK(after.tasks_alive == 2);
        coir::await(task);
        CHECK(loop.metrics().tasks_alive == 1);
        // Turns of few steps count as well.
        const auto few = loop.metrics().steps;
        for (int i = 0; i < 1000; ++i) coir::sleep(1ms);
        CHECK(loop.metrics().steps >= few + 999);
        CHECK(loop.metrics().steps <= few + 1400);
    });
}

TEST_CASE("rule 360: next_timeout says when a turn is due") {
    coir::EventLoop loop(sim_options());
    CHECK_FALSE(loop.has_ready());
    CHECK_FALSE(loop.next_timeout().has_value());
    auto timer = loop.call_later(5s, [] {});
    CHECK(loop.next_timeout() == std::optional<coir::Nanoseconds>(5s));
    loop.call_later(3s, [] {}).cancel();
    CHECK(loop.next_timeout() == std::optional<coir::Nanoseconds>(5s));
    auto handle = loop.call_soon([] {});
    CHECK(loop.has_ready());
    CHECK(loop.next_timeout() == std::optional<coir::Nanoseconds>(0s));
    loop.run_once(coir::RunMode::no_wait);
    CHECK(loop.next_timeout() == std::optional<coir::Nanoseconds>(5s));
    timer.cancel();
    CHECK_FALSE(loop.next_timeout().has_value());
    loop.call_at(loop.time() - 1s, [] {});
    CHECK(loop.next_timeout() == std::optional<coir::Nanoseconds>(0s));
}
