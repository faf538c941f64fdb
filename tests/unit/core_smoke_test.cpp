// SPDX-License-Identifier: BSL-1.0
// Is the core alive: run, tasks, futures, await, sleep, cancel, threads. Depth is elsewhere.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/run.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir_test::run_in_loop;
using coir_test::run_on_sim;

TEST_CASE("smoke: run returns what main returns and throws what main throws", "[smoke]") {
    coir_test::FdCount fds;
    CHECK(run_in_loop([] { return 42; }) == 42);
    CHECK(*run_in_loop([] { return std::make_unique<int>(7); }) == 7);
    CHECK_THROWS_WITH(run_in_loop([] { throw std::runtime_error("boom"); }), "boom");
}

TEST_CASE("smoke: a running loop is known inside and only there", "[smoke]") {
    CHECK(coir::try_get_running_loop() == nullptr);
    CHECK_THROWS_AS(coir::get_running_loop(), std::logic_error);
    run_in_loop([] {
        CHECK(coir::try_get_running_loop() == &coir::get_running_loop());
        CHECK(coir::get_running_loop().reactor_name() == coir_test::reactor());
        CHECK(coir::current_task().name() == "main");
        CHECK_THROWS_AS(coir::run([] {}), std::logic_error);
    });
    CHECK_FALSE(coir::current_task());
}

TEST_CASE("smoke: tasks run in the order of their creation, interleaved at yields", "[smoke]") {
    std::string order;
    run_in_loop([&] {
        auto task = [&](char name) {
            for (int round = 0; round < 3; ++round) {
                order += name;
                coir::yield_now();
            }
        };
        auto a = coir::create_task(task, 'a');
        auto b = coir::create_task(task, 'b');
        CHECK(order.empty());
        coir::await(a);
        coir::await(b);
    });
    CHECK(order == "ababab");
}

TEST_CASE("smoke: await gives a task's value or its error", "[smoke]") {
    run_in_loop([] {
        CHECK(coir::await(coir::create_task([](int x, int y) { return x + y; }, 2, 3)) == 5);
        auto failing = coir::create_task([]() -> int { throw std::range_error("no"); });
        CHECK_THROWS_AS(coir::await(failing), std::range_error);
        CHECK(failing.done());
        CHECK(failing.exception() != nullptr);
    });
}

TEST_CASE("smoke: a future is awaited before it is set", "[smoke]") {
    run_in_loop([] {
        auto future = coir::create_future<std::string>();
        coir::get_running_loop().call_soon([future] { future.set_result("set"); });
        CHECK_FALSE(future.done());
        CHECK(coir::await(future) == "set");
        CHECK_THROWS_AS(future.set_result("again"), coir::InvalidStateError);
    });
}

TEST_CASE("smoke: a sleep lasts as long as it was told to", "[smoke]") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        coir::sleep(1h);
        CHECK(loop.time() - start == 1h);
        coir::sleep_until(start);  // the past: no more than a yield
        CHECK(loop.time() - start == 1h);
    });
    run_in_loop([] {
        const auto start = std::chrono::steady_clock::now();
        coir::sleep(5ms);
        CHECK(std::chrono::steady_clock::now() - start >= 5ms);
    });
}

TEST_CASE("smoke: timers fire in the order of their due times", "[smoke]") {
    std::string order;
    run_on_sim([&] {
        auto& loop = coir::get_running_loop();
        loop.call_later(30ms, [&] { order += 'c'; });
        loop.call_later(10ms, [&] { order += 'a'; });
        loop.call_later(20ms, [&] { order += 'b'; });
        loop.call_later(15ms, [&] { order += 'x'; }).cancel();
        coir::sleep(1s);
    });
    CHECK(order == "abc");
}

TEST_CASE("smoke: cancelling unwinds a sleeping task", "[smoke]") {
    run_on_sim([] {
        bool cleaned = false;
        auto sleeper = coir::create_task([&] {
            struct Cleanup {
                bool& flag;
                ~Cleanup() { flag = true; }
            } cleanup{cleaned};
            coir::sleep(1h);
        });
        coir::sleep(1s);
        CHECK(sleeper.cancel("enough"));
        CHECK_FALSE(sleeper.done());
        CHECK_THROWS_AS(coir::await(sleeper), coir::TaskCancelledError);
        CHECK(sleeper.cancelled());
        CHECK(cleaned);
        CHECK_FALSE(sleeper.cancel());
        CHECK(coir::get_running_loop().time().time_since_epoch() < 2h);
    });
}

TEST_CASE("smoke: what main leaves behind is cancelled before run returns", "[smoke]") {
    int cancelled = 0;
    run_on_sim([&] {
        for (int i = 0; i < 10; ++i) {
            coir::spawn_detached([&] {
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError&) {
                    ++cancelled;
                    throw;
                }
            });
        }
        coir::yield_now();
    });
    CHECK(cancelled == 10);
}

TEST_CASE("smoke: another thread posts to a sleeping loop", "[smoke]") {
    run_in_loop([] {
        auto future = coir::create_future<int>();
        auto& loop = coir::get_running_loop();
        std::thread poster([&] { loop.call_soon_threadsafe([=] { future.set_result(5); }); });
        const int value = coir::await(future);
        poster.join();
        CHECK(value == 5);
    });
}

TEST_CASE("smoke: suspending outside a task is an error, not a crash", "[smoke]") {
    CHECK_THROWS_AS(coir::sleep(1ms), std::logic_error);
    CHECK_THROWS_AS(coir::yield_now(), std::logic_error);
    CHECK_THROWS_AS(coir::create_task([] {}), std::logic_error);
    run_in_loop([] {
        bool refused = false;
        coir::get_running_loop().call_soon([&] {
            try {
                coir::yield_now();
            } catch (const std::logic_error&) {
                refused = true;
            }
        });
        coir::yield_now();
        CHECK(refused);
    });
}

TEST_CASE("smoke: a thousand tasks with exceptions in flight keep to themselves", "[smoke]") {
    run_in_loop([] {
        std::vector<coir::Task<int>> tasks;
        for (int i = 0; i < 1000; ++i) {
            tasks.push_back(coir::create_task([i] {
                try {
                    throw i;
                } catch (int) {
                    coir::yield_now();  // others throw and catch meanwhile
                    try {
                        throw;
                    } catch (int mine) {
                        return mine;
                    }
                }
            }));
        }
        int wrong = 0;
        for (int i = 0; i < 1000; ++i) wrong += coir::await(tasks[static_cast<std::size_t>(i)]) != i;
        CHECK(wrong == 0);
    });
}

TEST_CASE("B41: smoke: all tasks waiting for each other is reported as a deadlock", "[smoke]") {
    coir_test::LogCapture log;  // the report
    CHECK_THROWS_AS(run_on_sim([] {
                        auto never_set = coir::create_future<void>();
                        coir::await(never_set);
                    }),
                    coir::DeadlockError);
}

TEST_CASE("a report of very many tasks names the oldest, and counts the others") {
    coir_test::LogCapture log;
    std::string text;
    try {
        run_on_sim([] {
            auto never_set = coir::create_future<void>();
            std::vector<coir::Task<void>> tasks;
            for (int i = 0; i < 500; ++i) {
                tasks.push_back(coir::create_task([never_set] { coir::await(never_set); }));
            }
            auto last = coir::create_task([&] {
                std::vector<coir::Task<void>> joiners;
                for (int i = 0; i < 30; ++i) {
                    joiners.push_back(coir::create_task([&] { coir::await(tasks[0]); }));
                }
                coir::await(joiners[0]);
            });
            coir::await(last);
        });
    } catch (const coir::DeadlockError& error) {
        text = error.what();
    }
    INFO(text);
    CHECK(std::count(text.begin(), text.end(), '\n') == 1 + 50 + 1);
    CHECK(text.find("and 482 more tasks") != std::string::npos);  // 1 + 500 + 1 + 30 in all
    CHECK(text.find(", and by 20 more") != std::string::npos);
}
