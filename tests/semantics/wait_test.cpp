// SPDX-License-Identifier: BSL-1.0
// wait: semantics.md §2.9, decisions D3, D33.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/sync.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <list>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;
using coir::ReturnWhen;
using coir_test::on_every_order;
using coir_test::run_on_sim;

namespace {

coir::Task<int> value_after(std::chrono::seconds delay, int value) {
    return coir::create_task([=] {
        coir::sleep(delay);
        return value;
    });
}

coir::Task<int> error_after(std::chrono::seconds delay) {
    return coir::create_task([=]() -> int {
        coir::sleep(delay);
        throw std::range_error("member");
    });
}

template <class... Args>
concept Waits = requires(Args&&... args) { coir::wait(std::forward<Args>(args)...); };

}  // namespace

TEST_CASE("rule 117: wait returns when all are done, and again at once") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::vector tasks{value_after(2s, 1), value_after(1s, 2)};
        for (int i = 0; i < 2; ++i) {
            auto [done, pending] = coir::wait(tasks);
            CHECK(done == tasks);
            CHECK(pending.empty());
            CHECK(loop.time() - start == 2s);
        }
        bool other_ran = false;
        auto other = coir::create_task([&] { other_ran = true; });
        coir::wait(tasks);
        CHECK_FALSE(other_ran);  // what is done does not suspend
        coir::await(other);
    });
}

TEST_CASE("rule 117: wait takes Tasks, Futures and TaskRefs, in any range or a braced list") {
    on_every_order([] {
        auto a = value_after(1s, 1);
        auto b = value_after(2s, 2);
        auto text = coir::create_task([] { return std::string("text"); });
        auto future = coir::create_future<int>();
        CHECK(coir::wait({a.ref(), text.ref()}).done.size() == 2);
        CHECK(coir::wait(std::list{a, b}).done == std::vector{a, b});
        CHECK(coir::wait({a, b}, ReturnWhen::first_completed).done.size() == 2);
        coir::get_running_loop().call_later(1s, [=] { future.set_result(5); });
        auto [done, pending] = coir::wait({future, coir::create_future<int>()},
                                          {.timeout = 2s, .return_when = ReturnWhen::all_completed});
        REQUIRE(done.size() == 1);
        CHECK(done[0].result() == 5);
        CHECK(pending.size() == 1);
        static_assert(std::is_same_v<decltype(coir::wait({a.ref()})), coir::WaitSets<coir::TaskRef>>);
    });
}

TEST_CASE("rule 118: the same handle twice counts and comes back once") {
    on_every_order([] {
        auto a = value_after(1s, 1);
        auto b = value_after(1h, 2);
        auto future = coir::create_future<int>();
        auto [done, pending] = coir::wait({a, b, a, b, a}, ReturnWhen::first_completed);
        CHECK(done == std::vector{a});
        CHECK(pending == std::vector{b});
        auto futures = coir::wait({future, future}, {.timeout = 1s});
        CHECK(futures.pending == std::vector{future});
        b.cancel();
        CHECK(coir::wait({b, b}).done.size() == 1);
    });
}

TEST_CASE("rule 119: an empty set, a bad mode and an empty handle are refused") {
    run_on_sim([] {
        CHECK_THROWS_AS(coir::wait(std::vector<coir::Task<int>>()), std::invalid_argument);
        auto task = value_after(1s, 1);
        CHECK_THROWS_AS(coir::wait({task}, static_cast<ReturnWhen>(7)), std::invalid_argument);
        CHECK_THROWS_AS(coir::wait({task, coir::Task<int>()}), coir::InvalidStateError);
        CHECK_THROWS_AS(coir::wait({coir::TaskRef()}), coir::InvalidStateError);
        const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
        CHECK_THROWS_AS(coir::wait({task}, {.timeout = nan}), std::invalid_argument);
        CHECK(coir::wait({task}, {.timeout = std::chrono::hours::max()}).done.size() == 1);
        CHECK(coir::wait({value_after(1s, 1)}, {.timeout = -1h}).pending.size() == 1);
    });
    CHECK_THROWS_AS(coir::wait(std::vector<coir::Task<int>>()), std::logic_error);
}

// A lone task and a callable are errors of the program's text.
static_assert(Waits<std::vector<coir::Task<int>>>);
static_assert(Waits<std::vector<coir::Future<void>>&, coir::WaitOptions>);
static_assert(!Waits<coir::Task<int>>);
static_assert(!Waits<coir::TaskRef&>);
static_assert(!Waits<std::vector<std::function<int()>>>);

TEST_CASE("rule 119, 114, 58: members of another loop and the caller itself are refused") {
    run_on_sim([] {
        coir::EventLoop other(coir_test::sim_options());
        auto mine = coir::create_future<int>();
        CHECK_THROWS_AS(coir::wait({mine, other.create_future<int>()}), coir::WrongThreadError);
        auto task = value_after(1s, 1);
        CHECK_THROWS_AS(coir::wait({task.ref(), coir::current_task()}), coir::InvalidStateError);
        coir::get_running_loop().call_soon(
            [&] { CHECK_THROWS_AS(coir::wait({task}), std::logic_error); });
        coir::await(task);
        CHECK_FALSE(mine.done());
    });
}

TEST_CASE("rule 120: first_completed returns at the first end; the others are untouched") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::vector tasks{value_after(5s, 1), value_after(1s, 2), value_after(7s, 3)};
        auto [done, pending] = coir::wait(tasks, ReturnWhen::first_completed);
        CHECK(loop.time() - start == 1s);
        CHECK(done == std::vector{tasks[1]});
        CHECK(pending == std::vector{tasks[0], tasks[2]});
        for (auto& task : tasks) CHECK(task.cancelling() == 0);
        CHECK(coir::gather(tasks) == std::vector{1, 2, 3});
        // A cancelled member is an end, too.
        auto victim = value_after(1h, 1);
        loop.call_later(1s, [=] { victim.cancel(); });
        CHECK(coir::wait({victim, value_after(1s, 1), value_after(1h, 1)},
                         ReturnWhen::first_completed)
                  .pending.size() >= 1);
    });
}

TEST_CASE("rule 121: done is what is done when the caller goes on") {
    on_every_order([] {
        auto a = coir::create_future<int>();
        auto b = coir::create_future<int>();
        auto waiter = coir::create_task([=] {
            return coir::wait({a, b}, ReturnWhen::first_completed).done.size();
        });
        coir::sleep(1s);
        a.set_result(1);
        b.set_result(2);
        CHECK(coir::await(waiter) == 2);
    });
}

TEST_CASE("rule 122: first_exception ends early only for an exception, not for a cancellation") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        auto cancelled = value_after(1h, 1);
        loop.call_later(1s, [=] { cancelled.cancel(); });
        std::vector tasks{value_after(9s, 1), cancelled, error_after(3s)};
        auto [done, pending] = coir::wait(tasks, ReturnWhen::first_exception);
        CHECK(loop.time() - start == 3s);
        CHECK(done == std::vector{tasks[1], tasks[2]});
        CHECK(pending == std::vector{tasks[0]});
        CHECK(tasks[2].exception() != nullptr);
        // One that has failed before.
        CHECK(coir::wait(tasks, ReturnWhen::first_exception).pending.size() == 1);
        CHECK(loop.time() - start == 3s);
        coir::await(tasks[0]);
    });
}

TEST_CASE("rule 123: first_exception without an exception waits for all") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        auto [done, pending] = coir::wait({value_after(1s, 1), value_after(4s, 2)},
                                          ReturnWhen::first_exception);
        CHECK(done.size() == 2);
        CHECK(pending.empty());
        CHECK(loop.time() - start == 4s);
    });
}

TEST_CASE("rule 124: a timeout gives both sets; nothing is thrown or cancelled") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::vector tasks{value_after(1s, 1), value_after(5s, 2)};
        auto [done, pending] = coir::wait(tasks, {.timeout = 2s});
        CHECK(loop.time() - start == 2s);
        CHECK(done == std::vector{tasks[0]});
        CHECK(pending == std::vector{tasks[1]});
        CHECK(tasks[1].cancelling() == 0);
        CHECK(coir::wait(tasks, {.timeout = start + 3s}).pending.size() == 1);  // an instant
        CHECK(loop.time() - start == 3s);
        CHECK(coir::await(tasks[1]) == 2);
    });
}

TEST_CASE("rule 125, D3: a member that ends with the timeout is done") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        // The limit's timer is the first of the three at this instant.
        auto early = coir::create_future<int>();
        auto late = coir::create_future<int>();
        auto waiter = coir::create_task(
            [=] { return coir::wait({early, late}, {.timeout = 2s}).pending.size(); });
        coir::sleep(1s);
        auto setter = coir::create_task([=] {
            coir::sleep(1s);
            early.set_result(1);
        });
        loop.call_later(1s, [=] { late.set_result(1); });
        CHECK(coir::await(waiter) == 0);
        CHECK(loop.time() - start == 2s);
        coir::await(setter);
    });
}

TEST_CASE("rule 126: a limit of zero lets what is due run once") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        auto quick = coir::create_task([] { return 1; });
        auto slow = value_after(1s, 2);
        auto [done, pending] = coir::wait({quick, slow}, {.timeout = 0s});
        CHECK(done == std::vector{quick});
        CHECK(pending == std::vector{slow});
        CHECK(loop.time() == start);
        CHECK(coir::wait({slow}, {.timeout = loop.time() - 1h}).done.empty());
        coir::await(slow);
    });
}

TEST_CASE("rule 127: cancelling the waiter leaves the members running, and nothing behind") {
    on_every_order([] {
        auto a = value_after(5s, 1);
        auto future = coir::create_future<int>();
        for (int i = 0; i < 3; ++i) {
            auto waiter = coir::create_task([&] { coir::wait({a}, {.timeout = 1h}); });
            auto second = coir::create_task([&] { coir::wait({future}); });
            coir::sleep(1s);
            waiter.cancel("enough");
            second.cancel();
            try {
                coir::await(waiter);
                FAIL("not thrown");
            } catch (const coir::TaskCancelledError& error) {
                CHECK(error.message() == "enough");
            }
            CHECK_THROWS_AS(coir::await(second), coir::TaskCancelledError);
        }
        CHECK(a.cancelling() == 0);
        CHECK_FALSE(future.done());
        future.set_result(1);
        CHECK(coir::await(a) == 1);
        CHECK_FALSE(coir::get_running_loop().next_timeout());  // the limits' timers are withdrawn
    });
}

TEST_CASE("rule 127, D3: entered cancelled it throws; cancelled when it has what it wants, not") {
    on_every_order([] {
        auto done = coir::create_future<int>();
        done.set_result(1);
        auto entered = coir::create_task([&] {
            coir::current_task().cancel();
            CHECK_THROWS_AS(coir::wait({done}), coir::CancelledError);
        });
        coir::await(entered);

        auto future = coir::create_future<int>();
        std::size_t got = 0;
        auto waiter = coir::create_task([&] {
            got = coir::wait({future}).done.size();
            CHECK_THROWS_AS(coir::yield_now(), coir::CancelledError);
        });
        coir::sleep(1s);
        future.set_result(1);
        waiter.cancel();
        coir::await(waiter);
        CHECK(got == 1);
    });
}

TEST_CASE("rule 128: wait throws no member's error, and does not count as reading it") {
    on_every_order([] {
        auto failing = error_after(1s);
        CHECK(coir::wait({failing}).done.size() == 1);
        CHECK_THROWS_AS(coir::await(failing), std::range_error);
    });
    // Otherwise it is reported.
    std::vector<std::string> reports;
    coir::Runner runner(coir_test::sim_options());
    runner.loop().set_exception_handler(
        [&](const coir::ExceptionContext& context) { reports.push_back(context.message); });
    runner.run([] { coir::wait({error_after(1s)}); });
    CHECK(reports.size() == 1);
}

TEST_CASE("D33: wait gives tasks from the oldest to the youngest, futures as they were passed") {
    on_every_order([] {
        auto a = value_after(3s, 1);
        auto b = value_after(1s, 2);
        auto c = value_after(2s, 3);
        auto d = value_after(1h, 4);
        auto e = value_after(1h, 5);
        auto [done, pending] = coir::wait({e, c, b, d, a}, {.timeout = 4s});
        CHECK(done == std::vector{a, b, c});
        CHECK(pending == std::vector{d, e});
        d.cancel();
        e.cancel();
        std::vector<coir::Future<int>> futures;
        for (int i = 0; i < 8; ++i) futures.push_back(coir::create_future<int>());
        std::swap(futures[1], futures[6]);
        for (std::size_t i : {5u, 1u, 3u}) futures[i].set_result(1);
        auto sets = coir::wait(futures, {.timeout = 0s});
        CHECK(sets.done == std::vector{futures[1], futures[3], futures[5]});
        CHECK(sets.pending ==
              std::vector{futures[0], futures[2], futures[4], futures[6], futures[7]});
    });
}

TEST_CASE("D2: wait works while a cancellation unwinds and from a catch block") {
    on_every_order([] {
        std::size_t seen = 0;
        struct Goodbye {
            std::size_t& seen;
            ~Goodbye() { seen += coir::wait({value_after(1s, 1)}).done.size(); }
        };
        auto task = coir::create_task([&] {
            Goodbye goodbye{seen};
            coir::sleep(1h);
        });
        coir::sleep(1s);
        task.cancel();
        coir::yield_now();
        task.cancel();  // masked: the wait goes on
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        try {
            throw std::range_error("outer");
        } catch (const std::range_error&) {
            seen += coir::wait({value_after(1s, 1), value_after(2s, 1)}).done.at(0).done();
            CHECK_THROWS_WITH(std::rethrow_exception(std::current_exception()), "outer");
        }
        CHECK(seen == 2);
    });
}

TEST_CASE("rule 331: who waits for several is named as the awaiter, not a helper") {
    std::string text;
    try {
        run_on_sim([] {
            coir::current_task().set_name("main");
            auto stuck = [](const char* name) {
                return coir::create_task(coir::TaskOptions{.name = name}, [] {
                    coir::await(coir::create_future<int>());
                });
            };
            auto waits = coir::create_task(coir::TaskOptions{.name = "waits"},
                                           [&] { coir::wait({stuck("of wait")}); });
            auto gathers = coir::create_task(coir::TaskOptions{.name = "gathers"}, [&] {
                coir::gather(stuck("of gather"), coir::create_future<int>());
            });
            auto steps = coir::create_task(coir::TaskOptions{.name = "steps"}, [&] {
                for (auto& task : coir::as_completed(std::vector{stuck("of steps")})) task.done();
            });
            coir::race(waits, gathers, steps);
        });
    } catch (const coir::DeadlockError& error) {
        text = error.what();
    }
    INFO(text);
    auto has = [&](const char* line) { return text.find(line) != std::string::npos; };
    CHECK(has("task 'of wait' waits: a future, awaited by 'waits'\n"));
    CHECK(has("task 'of gather' waits: a future, awaited by 'gathers'\n"));
    CHECK(has("task 'of steps' waits: a future, awaited by 'steps'\n"));
    CHECK(has("task 'waits' waits: wait, awaited by 'main'\n"));
    CHECK(has("task 'main' waits: race\n"));
}
