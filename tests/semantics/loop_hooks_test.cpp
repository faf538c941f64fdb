// SPDX-License-Identifier: BSL-1.0
// Prepare, check and idle hooks, run modes, counters: the loop's part of semantics.md §2.29.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/eventfd.h>

using namespace std::chrono_literals;
using coir_test::options;
using coir_test::run_on_sim;
using coir_test::sim_options;

TEST_CASE("rule 334: idle, prepare, I/O, check, timers: the order of a turn") {
    coir::RunOptions epoll = options();
    coir::EventLoop loop(epoll);
    const coir::Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    std::string order;
    // A turn in which everything is due: known to the kernel already, and the timer overdue.
    loop.add_reader(event.get(), [&] {
        order += 'r';
        eventfd_t count;
        ::eventfd_read(event.get(), &count);
    });
    loop.run_once(coir::RunMode::no_wait);
    REQUIRE(::eventfd_write(event.get(), 1) == 0);
    loop.add_check_hook([&] { order += 'c'; });
    loop.add_prepare_hook([&] { order += 'p'; });
    const coir::HookId idle = loop.add_idle_hook([&] { order += 'i'; });
    loop.call_later(0s, [&] { order += 't'; });
    loop.call_soon([&] { order += 's'; });
    CHECK(loop.run_once(coir::RunMode::wait));
    CHECK(order == "ipsrct");
    order.clear();
    CHECK(loop.remove_hook(idle));
    CHECK_FALSE(loop.run_once(coir::RunMode::no_wait));  // hooks alone are nothing that was run
    CHECK(order == "pc");
    CHECK(loop.remove_reader(event.get()));
}

TEST_CASE("rule 334: prepare hooks run before each sleep, check hooks after it") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        std::string order;
        coir::TimePoint asleep{};
        const auto prepare = loop.add_prepare_hook([&] {
            order += 'p';
            asleep = loop.time();
        });
        const auto check = loop.add_check_hook([&] {
            order += 'c';
            CHECK((loop.time() == asleep || loop.time() - asleep == 1h));
        });
        for (int i = 0; i < 3; ++i) {
            coir::sleep(1h);
            order += '.';
        }
        // The check hooks come ahead of what the timers wake.
        CHECK(order == "pc.pc.pc.");
        CHECK(loop.remove_hook(prepare));
        CHECK(loop.remove_hook(check));
        CHECK_FALSE(loop.remove_hook(check));
        CHECK_FALSE(loop.remove_hook(12345));
        coir::sleep(1h);
        CHECK(order == "pc.pc.pc.");
    });
}

TEST_CASE("rule 334: a timer that a check hook arms with no delay fires in a later turn") {
    coir::EventLoop loop(sim_options());
    std::string order;
    coir::HookId id = 0;
    id = loop.add_check_hook([&] {
        order += 'c';
        loop.remove_hook(id);
        loop.call_later(0s, [&] { order += 't'; });
    });
    loop.run_once(coir::RunMode::no_wait);
    CHECK(order == "c");
    CHECK(loop.run_once(coir::RunMode::no_wait));
    CHECK(order == "ct");
}

TEST_CASE("rule 334: hooks may add hooks and remove any, themselves included") {
    coir::EventLoop loop(sim_options());
    std::string order;
    std::vector<coir::HookId> ids;
    auto token = std::make_shared<int>(1);
    // a removes itself and c; b adds d, which waits for the next turn.
    ids.push_back(loop.add_prepare_hook([&, token] {
        order += 'a';
        CHECK(loop.remove_hook(ids[0]));
        CHECK_FALSE(loop.remove_hook(ids[0]));
        CHECK(loop.remove_hook(ids[2]));
    }));
    bool added = false;
    ids.push_back(loop.add_prepare_hook([&] {
        order += 'b';
        if (!std::exchange(added, true)) ids.push_back(loop.add_prepare_hook([&] { order += 'd'; }));
    }));
    ids.push_back(loop.add_prepare_hook([&] { order += 'c'; }));
    // Of another phase.
    ids.push_back(loop.add_check_hook([&] {
        order += 'e';
        CHECK(loop.remove_hook(ids[1]));
    }));
    const auto quarter = [&] { loop.run_once(coir::RunMode::no_wait); };
    quarter();
    CHECK(order == "abe");
    CHECK(token.use_count() == 1);
    CHECK(loop.remove_hook(ids[3]));
    quarter();
    CHECK(order == "abed");
    // A thousand that remove themselves, and one that goes on.
    std::vector<coir::HookId> many(1000);
    int ran = 0;
    for (coir::HookId& id : many) {
        id = loop.add_idle_hook([&] {
            ++ran;
            CHECK(loop.remove_hook(id));
        });
    }
    quarter();
    quarter();
    CHECK(ran == 1000);
    loop.close();
    CHECK_FALSE(loop.remove_hook(ids[4]));
    CHECK_THROWS_AS(loop.add_idle_hook([] {}), std::logic_error);
    CHECK_THROWS_AS(loop.add_prepare_hook([] {}), std::logic_error);
    CHECK_THROWS_AS(loop.add_check_hook([] {}), std::logic_error);
}

TEST_CASE("rule 334: close() destroys hooks without running them") {
    auto token = std::make_shared<int>(1);
    {
        coir::EventLoop loop(sim_options());
        loop.add_idle_hook([token] { FAIL("it never ran"); });
        loop.add_check_hook([token] { FAIL("it never ran"); });
        CHECK(token.use_count() == 3);
        CHECK_THROWS_AS(loop.add_check_hook(std::function<void()>()), std::invalid_argument);
    }
    CHECK(token.use_count() == 1);
}

TEST_CASE("a hook that throws is reported, and the turn goes on") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        int reports = 0;
        loop.set_exception_handler([&](const coir::ExceptionContext&) { ++reports; });
        std::string order;
        const coir::HookId ids[] = {
            loop.add_prepare_hook([&] { order += 'p', throw std::runtime_error("no"); }),
            loop.add_prepare_hook([&] { order += 'q'; }),
            loop.add_check_hook([&] {
                order += 'c';
                coir::yield_now();  // a hook is outside any task: std::logic_error
            }),
        };
        coir::sleep(1s);
        CHECK(order == "pqc");
        CHECK(reports == 2);
        for (coir::HookId id : ids) loop.remove_hook(id);
        loop.set_exception_handler({});
    });
}

TEST_CASE("rule 340, B37: idle hooks starve nobody, and nobody starves them") {
    // On a virtual clock and on a real one.
    for (const bool real : {false, true}) {
        const auto program = [&] {
            auto& loop = coir::get_running_loop();
            int idle = 0;
            int timers = 0;
            int other = 0;
            const auto id = loop.add_idle_hook([&] { ++idle; });
            loop.call_later(1ms, [&] { ++timers; });
            auto yielder = coir::create_task([&] {
                for (; other < 10'000; ++other) coir::yield_now();
            });
            coir::sleep(2ms);
            CHECK(timers == 1);
            coir::await(yielder);
            CHECK(idle > 10);
            const int before = idle;
            CHECK(coir::to_thread([] { return 7; }) == 7);
            coir::sleep(1ms);
            CHECK(idle > before);
            CHECK(loop.next_timeout() == std::optional<coir::Nanoseconds>(0s));
            CHECK(loop.remove_hook(id));
            const int after = idle;
            coir::sleep(1ms);
            CHECK(idle == after);
        };
        real ? coir_test::run_in_loop(program) : run_on_sim(program);
    }
}

TEST_CASE("rule 340: an idle hook keeps the loop from sleeping, and can stop it") {
    coir::EventLoop loop(sim_options());
    int turns = 0;
    loop.add_idle_hook([&] {
        if (++turns == 100) loop.stop();
    });
    loop.run_forever();
    CHECK(turns == 100);
    CHECK_FALSE(loop.run_once(coir::RunMode::wait));  // it does not wait
    CHECK(turns == 101);
}

TEST_CASE("rule 340: a busy loop runs its hooks at every look at the world") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        int prepared = 0;
        int checked = 0;
        const auto a = loop.add_prepare_hook([&] { ++prepared; });
        const auto b = loop.add_check_hook([&] { ++checked; });
        for (int i = 0; i < 2560; ++i) coir::yield_now();
        CHECK(prepared >= 9);
        CHECK(prepared <= 12);
        CHECK(checked >= prepared - 1);
        loop.remove_hook(a);
        loop.remove_hook(b);
    });
}

TEST_CASE("rule 341: run modes: wait sleeps until something is due, no_wait never") {
    coir::EventLoop loop(sim_options());
    int fired = 0;
    const auto start = loop.time();
    loop.call_later(1h, [&] { ++fired; });
    for (int i = 0; i < 3; ++i) CHECK_FALSE(loop.run_once(coir::RunMode::no_wait));
    CHECK(loop.time() == start);
    CHECK(loop.run_once());
    CHECK(fired == 1);
    CHECK(loop.time() == start + 1h);
    CHECK_FALSE(loop.run_once(coir::RunMode::no_wait));
    CHECK(fired == 1);
}

TEST_CASE("rule 342: stop() from a hook ends the run after that turn") {
    for (const bool in_prepare : {true, false}) {
        coir::EventLoop loop(sim_options());
        std::string order;
        auto stop = [&] {
            order += 'h';
            loop.stop();
        };
        const auto id = in_prepare ? loop.add_prepare_hook(stop) : loop.add_check_hook(stop);
        loop.call_soon([&] {
            order += 'a';
            loop.call_soon([&] { order += 'b'; });
        });
        loop.run_forever();
        // What had been queued by then still runs.
        CHECK(order == (in_prepare ? "ha" : "ahb"));
        CHECK(loop.remove_hook(id));
        loop.call_soon([&] { loop.stop(); });
        loop.run_forever();
        CHECK(order.back() == 'b');
    }
}

TEST_CASE("rule 335: the loop's time is read afresh, within a callback too") {
    coir::EventLoop loop(options());
    bool moved = false;
    loop.call_soon([&] {
        const auto before = loop.time();
        for (int i = 0; i < 1'000'000 && !moved; ++i) moved = loop.time() > before;
        loop.stop();
    });
    loop.run_forever();
    CHECK(moved);
}

TEST_CASE("rule 359: counters and idle time grow, and any thread may read them") {
    coir::EventLoop loop(options());
    std::atomic<bool> done{false};
    std::atomic<int> backwards{0};
    std::atomic<int> reads{0};
    std::atomic<bool> slept{false};
    std::thread reader([&] {
        coir::LoopMetrics last;
        const auto start = std::chrono::steady_clock::now();
        while (!done) {
            const coir::LoopMetrics now = loop.metrics();
            const auto running = std::chrono::steady_clock::now() - start;
            if (now.turns < last.turns || now.steps < last.steps || now.idle < last.idle ||
                now.tasks_created < last.tasks_created ||
                now.stacks_reserved < last.stacks_reserved) {
                ++backwards;
            }
            // The sleep that goes on counts.
            if (now.idle > 20ms) slept = true;
            if (now.idle > running + 1s) ++backwards;
            last = now;
            ++reads;
        }
    });
    const auto start = std::chrono::steady_clock::now();
    loop.run_until_complete([&] {
        for (int i = 0; i < 50; ++i) {
            std::vector<coir::Task<void>> tasks;
            for (int n = 0; n < 20; ++n) tasks.push_back(coir::create_task([] { coir::sleep(1ms); }));
            for (auto& task : tasks) coir::await(task);
        }
        // While this one sleep lasts, a reader sees it.
        const auto before = loop.metrics().idle;
        slept = before > 20ms;
        coir::sleep(100ms);
        CHECK(slept);
    });
    const auto took = std::chrono::steady_clock::now() - start;
    done = true;
    reader.join();
    CHECK(backwards == 0);
    CHECK(reads > 10);
    const coir::LoopMetrics metrics = loop.metrics();
    CHECK(metrics.idle >= 100ms);
    CHECK(metrics.idle <= took);
    CHECK(metrics.tasks_created == 1001);
    CHECK(metrics.tasks_alive == 0);
    CHECK(metrics.timers == 0);
}
