// SPDX-License-Identifier: BSL-1.0
// Cancellation: semantics.md §2.5, decisions D3, D4, D5, D16, bug class B45.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/queue.hpp>
#include <coir/sync.hpp>
#include <coir/thread.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

TEST_CASE("rule 67: cancelling a sleeping task throws at that sleep and withdraws its timer") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::string where;
        auto task = coir::create_task([&] {
            try {
                coir::sleep(1h);
                where = "slept";
            } catch (const coir::CancelledError&) {
                where = "cancelled";
                throw;
            }
        });
        coir::sleep(1s);
        CHECK(loop.metrics().timers == 1);
        CHECK(task.cancel());
        CHECK(loop.metrics().timers == 0);
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(where == "cancelled");
        CHECK(task.cancelled());
        CHECK(loop.time() - start == 1s);
    });
}

TEST_CASE("rule 68: a task cancelled before its first step never enters its body") {
    on_every_order([] {
        auto token = std::make_shared<int>(1);
        bool entered = false;
        auto task = coir::create_task([&entered, token](std::shared_ptr<int>) { entered = true; },
                                      token);
        CHECK(token.use_count() == 3);
        CHECK(task.cancel());
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK_FALSE(entered);
        CHECK(task.cancelled());
        CHECK(token.use_count() == 1);  // although the handle is still there
    });
}

TEST_CASE("rule 69, 70: cancel() is true until the task has unwound; then it is cancelled") {
    run_on_sim([] {
        auto task = coir::create_task([] { coir::sleep(1h); });
        coir::yield_now();
        CHECK(task.cancelling() == 0);
        CHECK(task.cancel());
        CHECK_FALSE(task.cancelled());
        CHECK_FALSE(task.done());
        CHECK(task.cancelling() == 1);
        CHECK(task.cancel());
        CHECK(task.cancelling() == 2);
        coir::yield_now();
        CHECK(task.cancelled());
        CHECK_FALSE(task.cancel());
        CHECK(task.cancelling() == 2);
        auto finished = coir::create_task([] { return 1; });
        coir::await(finished);
        CHECK_FALSE(finished.cancel());
        CHECK(finished.cancelling() == 0);
        CHECK_FALSE(finished.cancelled());
    });
}

TEST_CASE("rule 71, 88: whoever awaits what is cancelled is told, but is not cancelled itself") {
    on_every_order([] {
        auto future = coir::create_future<int>();
        auto on_future = coir::create_task([&] {
            CHECK_THROWS_AS(coir::await(future), coir::TaskCancelledError);
            CHECK(coir::current_task().cancelling() == 0);
            coir::sleep(1s);  // and its next wait is undisturbed
            return 1;
        });
        auto child = coir::create_task([] { coir::sleep(1h); });
        auto on_child = coir::create_task([&] {
            CHECK_THROWS_AS(coir::await(child), coir::TaskCancelledError);
            CHECK(coir::current_task().cancelling() == 0);
            coir::sleep(1s);
            return 2;
        });
        coir::sleep(1s);
        future.cancel();
        child.cancel();
        CHECK(coir::await(on_future) == 1);
        CHECK(coir::await(on_child) == 2);
    });
}

TEST_CASE("rule 72: a body that catches the cancellation and returns has succeeded") {
    run_on_sim([] {
        const auto swallowed = coir::get_running_loop().metrics().swallowed_cancels;
        auto task = coir::create_task([] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
            }
            return 42;
        });
        coir::yield_now();
        task.cancel();
        CHECK(coir::await(task) == 42);
        CHECK_FALSE(task.cancelled());
        CHECK(task.cancelling() == 1);
        CHECK(coir::get_running_loop().metrics().swallowed_cancels == swallowed + 1);
    });
}

TEST_CASE("D4: a swallowed cancellation is counted, and in debug mode logged") {
    coir_test::LogCapture log;
    run_on_sim([&] {
        auto& loop = coir::get_running_loop();
        auto swallow = [](bool take_back) {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                if (take_back) coir::current_task().uncancel();
            }
        };
        auto cancel_one = [&](const char* name, bool take_back) {
            coir::TaskOptions options;
            options.name = name;
            auto task = coir::create_task(options, swallow, take_back);
            coir::yield_now();
            task.cancel();
            coir::await(task);
        };
        cancel_one("quiet", false);
        CHECK(log.count("quiet") == 0);
        loop.set_debug(true);
        cancel_one("loud", false);
        cancel_one("proper", true);
        loop.set_debug(false);
        CHECK(loop.metrics().swallowed_cancels == 2);
        CHECK(log.count("task 'loud'") == 1);
        CHECK(log.count("proper") == 0);
    });
}

TEST_CASE("rule 73, 74, D4: delivery is once per request") {
    on_every_order([] {
        std::vector<std::string> log;
        auto task = coir::create_task([&] {
            for (int i = 0; i < 3; ++i) {
                try {
                    coir::sleep(10s);
                    log.push_back("slept");
                } catch (const coir::CancelledError& cancelled) {
                    log.push_back(cancelled.message());
                }
            }
        });
        coir::sleep(1s);
        task.cancel("first");
        coir::sleep(5s);
        task.cancel("second");
        coir::await(task);
        CHECK(log == std::vector<std::string>{"first", "second", "slept"});
        CHECK(task.cancelling() == 2);
    });
}

TEST_CASE("rule 75: two requests before the next step are one delivery") {
    run_on_sim([] {
        int deliveries = 0;
        auto task = coir::create_task([&] {
            for (int i = 0; i < 2; ++i) {
                try {
                    coir::sleep(1s);
                } catch (const coir::CancelledError&) {
                    ++deliveries;
                }
            }
        });
        coir::yield_now();
        task.cancel();
        task.cancel();
        coir::await(task);
        CHECK(deliveries == 1);
        CHECK(task.cancelling() == 2);
    });
}

TEST_CASE("rule 76: a task that cancels itself is interrupted at its next suspension point") {
    run_on_sim([] {
        std::string where;
        auto task = coir::create_task([&] {
            CHECK(coir::current_task().cancel("self"));
            where = "after cancel";
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError& cancelled) {
                where = cancelled.message();
                throw;
            }
        });
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(where == "self");
    });
}

TEST_CASE("rule 77, D3: self-cancel and return without waiting is success") {
    run_on_sim([] {
        auto task = coir::create_task([] {
            coir::current_task().cancel();
            return 5;
        });
        CHECK(coir::await(task) == 5);
        CHECK_FALSE(task.cancelled());
        CHECK(task.cancelling() == 1);
        CHECK(coir::get_running_loop().metrics().swallowed_cancels == 0);  // it saw nothing
    });
}

TEST_CASE("rule 78: self-cancel and another error: the error wins") {
    run_on_sim([] {
        auto task = coir::create_task([] {
            coir::current_task().cancel();
            throw std::range_error("mine");
        });
        CHECK_THROWS_AS(coir::await(task), std::range_error);
        CHECK_FALSE(task.cancelled());
    });
}

TEST_CASE("rule 79: self-cancel and await of a child cancels the child and what it awaits") {
    on_every_order([] {
        for (bool started : {true, false}) {
            auto future = coir::create_future<int>();
            bool entered = false;
            bool child_saw = false;
            auto parent = coir::create_task([&] {
                auto child = coir::create_task([&] {
                    entered = true;
                    try {
                        coir::await(future);
                    } catch (const coir::CancelledError&) {
                        child_saw = true;
                        throw;
                    }
                });
                if (started) coir::sleep(1s);
                coir::current_task().cancel();
                CHECK_THROWS_AS(coir::await(child), coir::CancelledError);
                CHECK(child.cancelled());
            });
            coir::await(parent);
            CHECK(entered == started);
            CHECK(future.cancelled() == started);
            CHECK(child_saw == started);
        }
    });
}

TEST_CASE("rule 80: a cancellation travels down a chain of awaits; the innermost sees it first") {
    on_every_order([] {
        std::string order;
        auto future = coir::create_future<int>();
        auto link = [&order](char name, auto next) {
            return coir::create_task([&order, name, next] {
                try {
                    coir::await(next);
                } catch (const coir::CancelledError& cancelled) {
                    order += name;
                    order += cancelled.message();
                    throw;
                }
            });
        };
        auto inner = link('i', future);
        auto middle = link('m', inner);
        auto outer = link('o', middle);
        coir::sleep(1s);
        outer.cancel("!");
        CHECK(future.cancelled());
        CHECK(inner.cancelling() == 1);
        CHECK_THROWS_AS(coir::await(outer), coir::TaskCancelledError);
        CHECK(order == "i!m!o!");
        CHECK((inner.cancelled() && middle.cancelled() && outer.cancelled()));
    });
}

TEST_CASE("rule 80, B11: an await chain of any length can be cancelled from a small stack") {
    coir::RunOptions options = coir_test::sim_options();
    options.stack_size = 32 * 1024;
    coir::run(
        [] {
            constexpr int length = COIR_TSAN ? 500 : 5000;  // its fibers are large
            std::vector<coir::Task<void>> chain;
            chain.push_back(coir::create_task([] { coir::sleep(1h); }));
            for (int i = 1; i < length; ++i) {
                chain.push_back(coir::create_task([&chain, i] {
                    coir::await(chain[static_cast<std::size_t>(i) - 1]);
                }));
            }
            coir::sleep(1s);
            auto canceller = coir::create_task([&] { chain.back().cancel("down"); });
            coir::await(canceller);
            CHECK_THROWS_AS(coir::await(chain.back()), coir::TaskCancelledError);
            int cancelled = 0;
            for (auto& task : chain) cancelled += task.cancelled();
            CHECK(cancelled == length);
        },
        options);
}

TEST_CASE("rule 81: a body that throws CancelledError unasked ends cancelled") {
    run_on_sim([] {
        auto task = coir::create_task([] { throw coir::CancelledError("by choice"); });
        CHECK_THROWS_WITH(coir::await(task), Catch::Contains("by choice"));
        CHECK(task.cancelled());
        CHECK(task.cancelling() == 0);
    });
}

namespace {

// Calls `wait`, in which the task is cancelled after its result was there, and says what came.
template <class F>
std::string outcome_of(F wait) {
    std::string outcome;
    try {
        outcome = wait();
    } catch (const coir::CancelledError&) {
        return "lost";
    }
    try {
        coir::yield_now();
        return outcome + ", not cancelled";
    } catch (const coir::CancelledError&) {
        return outcome + ", then cancelled";
    }
}

}  // namespace

TEST_CASE("rule 82, D3: a value that came before the cancel is returned; the request stays") {
    on_every_order([] {
        auto future = coir::create_future<std::unique_ptr<int>>();
        auto task = coir::create_task([&] {
            return outcome_of([&] { return std::to_string(*coir::await(std::move(future))); });
        });
        auto setter = future;
        coir::sleep(1s);
        setter.set_result(std::make_unique<int>(4));
        CHECK(task.cancel());
        CHECK(coir::await(task) == "4, then cancelled");
        CHECK(task.cancelling() == 1);
    });
}

TEST_CASE("rule 82, D3: the same for an exception, a child's end, and a sleep that is over") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        auto failing = coir::create_future<void>();
        auto on_error = coir::create_task([&] {
            return outcome_of([&]() -> std::string {
                CHECK_THROWS_AS(coir::await(failing), std::range_error);
                return "error";
            });
        });
        coir::yield_now();
        failing.set_exception(std::range_error("x"));
        on_error.cancel();
        CHECK(coir::await(on_error) == "error, then cancelled");

        // The callback was registered first: it runs when the awaiter is ready and has not run.
        coir::Task<std::string> on_child;
        auto child = coir::create_task([] { coir::sleep(1s); return 6; });
        child.add_done_callback([&] { CHECK(on_child.cancel()); });
        on_child = coir::create_task([&] {
            return outcome_of([&] { return std::to_string(coir::await(child)); });
        });
        CHECK(coir::await(on_child) == "6, then cancelled");

        coir::Task<std::string> on_sleep;
        loop.call_later(1s, [&] { CHECK(on_sleep.cancel()); });
        on_sleep = coir::create_task([&] {
            return outcome_of([&] { coir::sleep(1s); return "slept"; });
        });
        CHECK(coir::await(on_sleep) == "slept, then cancelled");
    });
}

TEST_CASE("D3: a loop of yields sees the cancel one turn later") {
    run_on_sim([] {
        std::string log;
        auto yielder = coir::create_task([&] {
            for (;;) {
                coir::yield_now();
                log += 'y';
            }
        });
        coir::yield_now();
        yielder.cancel();
        coir::yield_now();
        CHECK(log == "y");
        CHECK(yielder.cancelled());
    });
}

TEST_CASE("rule 83: uncancel() takes requests back one by one") {
    run_on_sim([] {
        auto task = coir::create_task([] {
            auto self = coir::current_task();
            CHECK(self.uncancel() == 0);  // never below
            self.cancel();
            self.cancel();
            self.cancel();
            CHECK(self.cancelling() == 3);
            CHECK(self.uncancel() == 2);
            CHECK(self.uncancel() == 1);
            CHECK_THROWS_AS(coir::sleep(1s), coir::CancelledError);
            CHECK(self.uncancel() == 0);
            CHECK(self.uncancel() == 0);
            coir::sleep(1s);
            self.cancel();
        });
        coir::await(task);
        CHECK(task.cancelling() == 1);
        CHECK(task.uncancel() == 1);  // no effect when it is done
        CHECK(task.cancelling() == 1);
    });
}

TEST_CASE("rule 84: uncancel() to zero before delivery withdraws the throw") {
    run_on_sim([] {
        auto future = coir::create_future<int>();
        auto task = coir::create_task([&] {
            const int value = coir::await(future);
            coir::yield_now();
            return value;
        });
        coir::yield_now();
        future.set_result(42);
        task.cancel();
        CHECK(task.uncancel() == 0);
        CHECK(coir::await(task) == 42);

        bool entered = false;
        auto unborn = coir::create_task([&] { entered = true; });
        unborn.cancel();
        unborn.cancel();
        CHECK(unborn.uncancel() == 1);
        CHECK(unborn.uncancel() == 0);
        coir::await(unborn);
        CHECK(entered);
    });
}
