// SPDX-License-Identifier: BSL-1.0
// The exception handler, debug mode, done callbacks: semantics.md §2.2, rules 39-45, decisions D20
// and D35.
#include "reports.hpp"
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/queue.hpp>
#include <coir/sync.hpp>
#include <coir/thread.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir_test::LogCapture;
using coir_test::Reports;
using coir_test::run_on_sim;
using coir_test::sim_options;
using coir_test::Variable;

namespace {

void busy(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

}  // namespace

TEST_CASE("rule 25: an exception of a callback goes to the handler, and the next ones run") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        Reports reports;
        reports.attach(loop);
        std::string order;
        loop.call_soon([&] { order += 'a'; });
        loop.call_soon([]() { throw std::runtime_error("first"); });
        loop.call_soon([&] { order += 'b'; });
        loop.call_later(1s, [] { throw std::runtime_error("second"); });
        loop.call_later(1s, [&] { order += 'c'; });
        loop.call_soon_threadsafe([] { throw std::runtime_error("third"); });
        coir::sleep(2s);
        CHECK(order == "abc");
        REQUIRE(reports.all.size() == 3);
        CHECK(reports.all[0].message == "exception in a callback");
        CHECK(reports.all[0].error == "first");
        CHECK(reports.all[1].error == "third");
        CHECK(reports.all[2].error == "second");
        loop.set_exception_handler(nullptr);
    });
}

TEST_CASE("rule 26: a handler that throws is logged with what it threw, and the loop goes on") {
    LogCapture log;
    run_on_sim([&] {
        auto& loop = coir::get_running_loop();
        int calls = 0;
        loop.set_exception_handler([&](const coir::ExceptionContext&) {
            ++calls;
            throw std::runtime_error("the handler is broken");
        });
        loop.call_soon([] { throw std::runtime_error("original"); });
        coir::sleep(1s);
        CHECK(calls == 1);
        CHECK(log.count("original") == 1);
        CHECK(log.count("the handler is broken") == 1);
        CHECK(log.count_from(coir::LogLevel::error) == 2);
        loop.call_soon([] { throw std::runtime_error("again"); });
        coir::sleep(1s);
        CHECK(calls == 2);
    });
}

TEST_CASE("rule 27, 28: the default handler logs; a null handler restores it") {
    LogCapture log;
    run_on_sim([&] {
        auto& loop = coir::get_running_loop();
        int calls = 0;
        loop.set_exception_handler([&](const coir::ExceptionContext&) { ++calls; });
        loop.call_soon([] { throw std::runtime_error("mine"); });
        coir::sleep(1s);
        CHECK(calls == 1);
        CHECK(log.count("mine") == 0);
        loop.set_exception_handler(nullptr);
        loop.call_soon([] { throw std::runtime_error("default's"); });
        loop.call_soon([] { throw 7; });
        loop.call_soon([] { throw coir::CancelledError("stray"); });
        coir::sleep(1s);
        CHECK(calls == 1);
        CHECK(log.count("exception in a callback: default's") == 1);
        CHECK(log.count("not a std::exception") == 1);
        CHECK(log.count("stray") == 1);
        CHECK(log.count_from(coir::LogLevel::error) == 3);
        loop.call_exception_handler({"told by hand", nullptr, coir::current_task()});
        CHECK(log.count("told by hand (task 'main')") == 1);
    });
}

TEST_CASE("rule 30, D20, B28: a running loop's calls are refused on other threads, debug or not") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        int refused = 0;
        auto attempt = [&](auto call) {
            try {
                call();
            } catch (const coir::WrongThreadError&) {
                ++refused;
            }
        };
        const auto future = coir::create_future<int>();
        const auto task = coir::create_task([] {});
        std::thread([&] {
            attempt([&] { loop.call_soon([] {}); });
            attempt([&] { loop.call_later(1s, [] {}); });
            attempt([&] { loop.call_at({}, [] {}); });
            attempt([&] { static_cast<void>(loop.create_task([] {})); });
            attempt([&] { future.set_result(1); });
            attempt([&] { future.cancel(); });
            attempt([&] { future.add_done_callback([] {}); });
            attempt([&] { task.cancel(); });
        }).join();
        CHECK(refused == 8);
        // Refused before the loop's memory is touched, which the loop is busy with.
        std::atomic<bool> ended{false};
        std::thread other([&] {
            for (int i = 0; i < 1000; ++i) {
                attempt([&] { loop.call_soon([] {}); });
                attempt([&] { static_cast<void>(loop.create_task([] {})); });
                attempt([&] { static_cast<void>(loop.create_future<int>()); });
            }
            ended = true;
        });
        while (!ended) {
            coir::await(coir::create_task([] {}));
            loop.call_soon([] {});
        }
        other.join();
        CHECK(refused == 3008);
        CHECK_FALSE(future.done());
        CHECK(loop.metrics().timers == 0);
        coir::await(task);
    });
}

TEST_CASE("rule 31, B40: debug mode names callbacks and tasks whose step was slow") {
    LogCapture log;
    coir::RunOptions options = coir_test::options();
    options.reactor = "epoll";  // a real clock
    options.debug = true;
    options.slow_task_threshold = 20ms;
    coir::run(
        [] {
            auto& loop = coir::get_running_loop();
            loop.call_soon([] { busy(30ms); });
            coir::TaskOptions ends, waits, quick;
            ends.name = "slow-at-its-end";
            waits.name = "slow-before-a-wait";
            quick.name = "quick";
            auto first = coir::create_task(ends, [] { busy(30ms); });
            auto second = coir::create_task(waits, [] {
                busy(30ms);
                coir::sleep(40ms);  // waiting is not being slow
            });
            auto third = coir::create_task(quick, [] {
                coir::yield_now();
                coir::sleep(30ms);
            });
            coir::await(first);
            coir::await(second);
            coir::await(third);
        },
        options);
    INFO(log.text());
    CHECK(log.count("a step of task 'slow-at-its-end' took") == 1);
    CHECK(log.count("a step of task 'slow-before-a-wait' took") == 1);
    CHECK(log.count("a step of callback") == 1);
    CHECK(log.count("quick") == 0);
}

TEST_CASE("rule 31: outside debug mode nothing is said about slow steps") {
    LogCapture log;
    coir::RunOptions options = coir_test::options();
    options.reactor = "epoll";
    options.slow_task_threshold = 1ns;
    coir::run(
        [] {
            coir::get_running_loop().call_soon([] { busy(2ms); });
            coir::sleep(5ms);
        },
        options);
    CHECK(log.count("took") == 0);
}

TEST_CASE("rule 32: debug mode is off, and turned on by the program or by COIR_DEBUG") {
    const auto debug_of = [](coir::RunOptions options) {
        options.reactor = "sim";
        return coir::EventLoop(options).debug();
    };
    coir::RunOptions on;
    on.debug = true;
    {
        Variable none("COIR_DEBUG", "");
        CHECK_FALSE(debug_of({}));
        CHECK(debug_of(on));
        coir::EventLoop loop(sim_options());
        loop.set_debug(true);
        CHECK(loop.debug());
        loop.set_debug(false);
        CHECK_FALSE(loop.debug());
    }
    Variable one("COIR_DEBUG", "1");
    CHECK(debug_of({}));
    Variable zero("COIR_DEBUG", "0");
    CHECK_FALSE(debug_of({}));
    CHECK(debug_of(on));
    Variable slow("COIR_DEBUG", "slow=7ms");
    CHECK(debug_of({}));
}

TEST_CASE("rule 39: done callbacks run through call_soon, in registration order") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        auto future = coir::create_future<int>();
        std::string order;
        future.add_done_callback([&](coir::Future<int> done) {
            CHECK(done == future);
            CHECK(done.result() == 7);
            CHECK_FALSE(coir::current_task());
            order += 'b';
        });
        future.add_done_callback([&] { order += 'c'; });
        loop.call_soon([&] { order += 'a'; });
        future.set_result(7);
        loop.call_soon([&] { order += 'd'; });
        CHECK(order.empty());  // never inside set_result
        coir::yield_now();
        CHECK(order == "abcd");
    });
}

TEST_CASE("rule 39: a task's done callbacks get its TaskRef, whatever its end") {
    run_on_sim([] {
        std::vector<std::string> seen;
        auto watch = [&](auto& task) {
            task.add_done_callback([&](coir::TaskRef done) {
                CHECK(done.done());
                seen.push_back(done.name() + (done.cancelled() ? " cancelled" : " done"));
            });
        };
        coir::TaskOptions a, b, c;
        a.name = "a";
        b.name = "b";
        c.name = "c";
        auto value = coir::create_task(a, [] { return 1; });
        auto error = coir::create_task(b, []() -> int { throw std::runtime_error("x"); });
        auto cancelled = coir::create_task(c, [] { coir::sleep(1h); });
        watch(value);
        watch(error);
        watch(cancelled);
        cancelled.cancel();
        coir::sleep(1s);
        CHECK(seen == std::vector<std::string>{"a done", "b done", "c cancelled"});
        CHECK(error.exception() != nullptr);
    });
}

TEST_CASE("rule 40: a callback added to a done future goes through call_soon too") {
    run_on_sim([] {
        auto future = coir::create_future<int>();
        future.set_result(1);
        bool called = false;
        future.add_done_callback([&] { called = true; });
        CHECK_FALSE(called);
        coir::yield_now();
        CHECK(called);
    });
}

TEST_CASE("rule 41: a done callback that throws does not stop the following ones") {
    run_on_sim([] {
        Reports reports;
        reports.attach(coir::get_running_loop());
        auto future = coir::create_future<void>();
        std::string order;
        future.add_done_callback([&] { order += 'a'; });
        future.add_done_callback([] { throw std::runtime_error("oops"); });
        future.add_done_callback([&] { order += 'b'; });
        future.set_result();
        coir::yield_now();
        CHECK(order == "ab");
        REQUIRE(reports.all.size() == 1);
        CHECK(reports.all[0].message == "exception in a done callback");
        CHECK(reports.all[0].error == "oops");
        coir::get_running_loop().set_exception_handler(nullptr);
    });
}

TEST_CASE("rule 42: a callback is removed by its id, once") {
    run_on_sim([] {
        auto future = coir::create_future<int>();
        std::string order;
        const auto a = future.add_done_callback([&] { order += 'a'; });
        const auto b = future.add_done_callback([&] { order += 'b'; });
        const auto c = future.add_done_callback([&] { order += 'c'; });
        CHECK(a != b);
        CHECK(future.remove_done_callback(b));
        CHECK_FALSE(future.remove_done_callback(b));
        CHECK_FALSE(coir::create_future<int>().remove_done_callback(c));
        future.set_result(1);
        CHECK_FALSE(future.remove_done_callback(c));  // queued to run already
        coir::yield_now();
        CHECK(order == "ac");
        CHECK_FALSE(future.remove_done_callback(a));
    });
}

TEST_CASE("rule 43: callbacks may add and remove callbacks") {
    run_on_sim([] {
        auto future = coir::create_future<int>();
        std::string order;
        coir::CallbackId second = 0;
        future.add_done_callback([&] {
            order += 'a';
            CHECK_FALSE(future.remove_done_callback(second));  // too late: it is queued
            future.add_done_callback([&] { order += 'd'; });
        });
        second = future.add_done_callback([&] { order += 'b'; });
        future.add_done_callback([&] { order += 'c'; });
        future.set_result(1);
        coir::yield_now();
        coir::yield_now();
        CHECK(order == "abcd");
    });
}

TEST_CASE("rule 45: callbacks of a future that is abandoned are destroyed, not called") {
    run_on_sim([] {
        auto token = std::make_shared<int>(1);
        bool called = false;
        {
            auto future = coir::create_future<int>();
            future.add_done_callback([token, &called] { called = true; });
            CHECK(token.use_count() == 2);
        }
        CHECK(token.use_count() == 1);
        coir::yield_now();
        CHECK_FALSE(called);
    });
}

TEST_CASE("D35: what suspends is refused outside tasks; what does not suspend is not") {
    CHECK_THROWS_AS(coir::sleep(1s), std::logic_error);
    CHECK_THROWS_AS(coir::yield_now(), std::logic_error);
    CHECK_THROWS_AS(coir::checkpoint(), std::logic_error);
    CHECK_THROWS_AS(coir::create_future<int>(), std::logic_error);
    CHECK_THROWS_AS(coir::all_tasks(), std::logic_error);
    CHECK_FALSE(coir::current_task());
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        auto done = coir::create_future<int>();
        done.set_result(1);
        coir::Lock lock;
        coir::Event event;
        coir::Queue<int> queue;
        bool checked = false;
        loop.call_soon([&] {
            CHECK_FALSE(coir::current_task());
            CHECK_THROWS_AS(coir::await(done), std::logic_error);
            CHECK_THROWS_AS(coir::sleep(0s), std::logic_error);
            CHECK_THROWS_AS(coir::sleep_until({}), std::logic_error);
            CHECK_THROWS_AS(coir::yield_now(), std::logic_error);
            CHECK_THROWS_AS(coir::checkpoint(), std::logic_error);
            CHECK_THROWS_AS(lock.lock(), std::logic_error);
            CHECK_THROWS_AS(event.wait(), std::logic_error);
            CHECK_THROWS_AS(queue.put(1), std::logic_error);
            CHECK_THROWS_AS(queue.get(), std::logic_error);
            CHECK_THROWS_AS(queue.join(), std::logic_error);
            CHECK_THROWS_AS(coir::to_thread([] {}), std::logic_error);
            CHECK(lock.try_lock());
            lock.unlock();
            event.set();
            queue.put_nowait(5);
            CHECK(queue.get_nowait() == 5);
            CHECK(coir::all_tasks().size() == 1);
            auto task = coir::create_task([] { return 2; });
            checked = true;
        });
        coir::sleep(1s);
        CHECK(checked);
    });
}
