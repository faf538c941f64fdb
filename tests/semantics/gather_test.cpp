// SPDX-License-Identifier: BSL-1.0
// gather: semantics.md §2.8 as api.md §3 has it (a call, not an object), decisions D3, D5, D15.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

namespace {

/// Sleeps, and notes in `log` if that was cut short.
void sleep_and_tell(std::chrono::seconds duration, std::string& log, char name) {
    try {
        coir::sleep(duration);
    } catch (const coir::CancelledError&) {
        log += name;
        throw;
    }
}

}  // namespace

TEST_CASE("rule 103: gather gives results in the order of its arguments") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        auto future = coir::create_future<std::string>();
        auto task = coir::create_task([&] {
            coir::sleep(1s);
            future.set_result("second");
            return 3L;
        });
        auto [first, second, third, nothing] = coir::gather(
            [] {
                coir::sleep(3s);
                return 'a';
            },
            future, task, [] { coir::sleep(2s); });
        CHECK(first == 'a');
        CHECK(second == "second");
        CHECK(third == 3L);
        static_assert(std::is_same_v<decltype(nothing), std::monostate>);
        CHECK(loop.time() - start == 3s);  // at once, not one after the other
    });
}

TEST_CASE("rule 103: gather of a range of jobs gives a vector in the range's order") {
    on_every_order([] {
        std::vector<std::function<int()>> functions;
        std::vector<coir::Task<int>> tasks;
        std::vector<int> expected;
        for (int i = 0; i < 10; ++i) {
            auto job = [i] {
                coir::sleep((10 - i) * 1s);
                return i;
            };
            functions.emplace_back(job);
            tasks.push_back(coir::create_task(job));
            expected.push_back(i);
        }
        CHECK(coir::gather(functions) == expected);
        CHECK(coir::gather(std::as_const(tasks)) == expected);
        CHECK(coir::gather(std::span(tasks)) == expected);  // a view gives nothing away
        CHECK(tasks.front().done());
        CHECK(coir::gather(std::move(tasks)) == expected);
    });
}

TEST_CASE("rule 104: gather of nothing returns at once") {
    run_on_sim([] {
        bool other_ran = false;
        auto other = coir::create_task([&] { other_ran = true; });
        static_assert(std::is_same_v<decltype(coir::gather()), std::tuple<>>);
        CHECK(coir::gather() == std::tuple<>());
        CHECK(coir::gather(std::vector<coir::Task<int>>()).empty());
        CHECK_FALSE(other_ran);
        coir::await(other);
        // It is a cancellation point all the same (D16).
        coir::current_task().cancel();
        CHECK_THROWS_AS(coir::gather(), coir::CancelledError);
        coir::current_task().uncancel();
    });
}

TEST_CASE("rule 104: gather outside a task is an error that starts nothing") {
    bool started = false;
    CHECK_THROWS_AS(coir::gather([&] { started = true; }), std::logic_error);
    run_on_sim([&] {
        coir::get_running_loop().call_soon(
            [&] { CHECK_THROWS_AS(coir::gather([&] { started = true; }), std::logic_error); });
        coir::sleep(1s);
    });
    CHECK_FALSE(started);
}

TEST_CASE("rule 105: the same handle twice runs once, and its value is at both places") {
    on_every_order([] {
        int runs = 0;
        auto task = coir::create_task([&] {
            coir::sleep(1s);
            ++runs;
            return std::string("value");
        });
        auto [a, b] = coir::gather(task, task);
        CHECK(a == "value");
        CHECK(b == "value");
        CHECK(runs == 1);
        auto [c, d] = coir::gather(std::move(task), coir::create_task([] { return 1; }));
        CHECK(c == "value");
        CHECK(d == 1);
    });
}

TEST_CASE("rule 105, D12: a move-only result is moved out, once") {
    run_on_sim([] {
        auto make = [] { return std::make_unique<int>(7); };
        auto [value] = coir::gather(make);
        CHECK(*value == 7);
        auto task = coir::create_task(make);
        CHECK_THROWS_AS(coir::gather(task, task), coir::InvalidStateError);
        std::vector<decltype(make)> many(3, make);
        CHECK(*coir::gather(many).back() == 7);
    });
}

TEST_CASE(
    "rule 106, D15: the first failure cancels the rest, which are joined before it is thrown") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::string log;
        auto handle = coir::create_task([&] { sleep_and_tell(1h, log, 'h'); });
        auto future = coir::create_future<int>();
        auto job = [&] {
            return coir::gather([&] { sleep_and_tell(1h, log, 'a'); },
                                [&]() -> int {
                                    coir::sleep(1s);
                                    throw std::range_error("first");
                                },
                                [&] {
                                    try {
                                        coir::sleep(1h);
                                    } catch (const coir::CancelledError&) {
                                        coir::sleep(1s);  // cleans up: it is waited for
                                        log += 'c';
                                        throw;
                                    }
                                },
                                handle, future);
        };
        CHECK_THROWS_AS(job(), std::range_error);
        CHECK(loop.time() - start == 2s);
        CHECK(log.size() == 3);
        CHECK(log.back() == 'c');
        CHECK(handle.cancelled());
        CHECK(future.cancelled());
        CHECK(coir::current_task().cancelling() == 0);
        CHECK(coir::all_tasks().size() == 1);
    });
}

TEST_CASE("rule 106: what had failed before fails gather; of several, the first argument") {
    on_every_order([] {
        auto fails = coir::create_task([] { throw std::range_error("b"); });
        auto fails_too = coir::create_task([] { throw std::domain_error("c"); });
        coir::sleep(1s);
        bool ran = false;
        CHECK_THROWS_AS(coir::gather([&] { ran = true; }, fails, fails_too), std::range_error);
        CHECK_FALSE(ran);
    });
}

TEST_CASE("rule 107, D15: errors that siblings end with afterwards are not reported") {
    on_every_order([] {  // run_on_sim fails the test for every error reported
        auto fail_late = [] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                throw std::domain_error("while stopping");
            }
        };
        auto fail = [] {
            coir::sleep(1s);
            throw std::range_error("first");
        };
        CHECK_THROWS_AS(coir::gather(fail_late, fail, fail_late), std::range_error);
        auto handle = coir::create_task(fail_late);
        CHECK_THROWS_AS(coir::gather(handle, fail), std::range_error);
    });
}

TEST_CASE(
    "rule 109, D5: a job that somebody else cancelled fails gather, and nobody is cancelled") {
    on_every_order([] {
        std::string log;
        auto victim = coir::create_task([] { coir::sleep(1h); });
        auto killer = coir::create_task([&] {
            coir::sleep(1s);
            victim.cancel("by hand");
        });
        try {
            coir::gather(victim, [&] { sleep_and_tell(1h, log, 's'); });
            FAIL("not thrown");
        } catch (const coir::TaskCancelledError& error) {
            CHECK(error.message() == "by hand");
        }
        CHECK(log == "s");  // D15: the sibling is not left behind
        CHECK(coir::current_task().cancelling() == 0);
        coir::sleep(1s);
        coir::await(killer);
    });
}

TEST_CASE("rule 110: cancelling the caller cancels every unfinished job and waits for them") {
    on_every_order([] {
        std::string log;
        auto finished = coir::create_task([] { return 5; });
        auto handle = coir::create_task([&] { sleep_and_tell(1h, log, 'h'); });
        auto future = coir::create_future<void>();
        auto caller = coir::create_task([&] {
            coir::gather(
                finished, [&] { sleep_and_tell(1h, log, 'a'); }, handle, future,
                [&] {
                    try {
                        coir::sleep(1h);
                    } catch (const coir::CancelledError& error) {
                        CHECK(error.message() == "enough");
                        coir::sleep(1s);
                        log += 'z';
                        throw;
                    }
                });
        });
        coir::sleep(1s);
        CHECK(caller.cancel("enough"));
        try {
            coir::await(caller);
            FAIL("not thrown");
        } catch (const coir::TaskCancelledError& error) {
            CHECK(error.message() == "enough");
        }
        CHECK(caller.cancelled());
        CHECK(log.size() == 3);
        CHECK(log.back() == 'z');
        CHECK(handle.cancelled());
        CHECK(handle.cancelling() == 1);  // asked once
        CHECK(future.cancelled());
        CHECK(coir::await(finished) == 5);
    });
}

TEST_CASE("rule 110, 79: entering gather cancelled ends the jobs; callables are never entered") {
    on_every_order([] {
        bool entered = false;
        std::string log;
        auto handle = coir::create_task([&] { sleep_and_tell(1h, log, 'h'); });
        coir::sleep(1s);
        auto caller = coir::create_task([&] {
            coir::current_task().cancel();
            coir::gather([&] { entered = true; }, handle);
        });
        CHECK_THROWS_AS(coir::await(caller), coir::TaskCancelledError);
        CHECK(caller.cancelled());
        CHECK_FALSE(entered);
        CHECK(log == "h");
        CHECK(handle.cancelled());
    });
}

TEST_CASE("rule 111: a cancelled gather whose jobs all swallow it still ends cancelled") {
    on_every_order([] {
        auto stubborn = [] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
            }
            return 1;
        };
        bool returned = false;
        auto caller = coir::create_task([&] {
            coir::gather(stubborn, stubborn);
            returned = true;
        });
        coir::sleep(1s);
        caller.cancel();
        CHECK_THROWS_AS(coir::await(caller), coir::TaskCancelledError);
        CHECK(caller.cancelled());
        CHECK_FALSE(returned);
    });
}

TEST_CASE("rule 111: a job's error while a cancelled gather stops is thrown; the request stays") {
    on_every_order([] {
        bool cancelled_later = false;
        auto caller = coir::create_task([&] {
            CHECK_THROWS_AS(coir::gather([] { coir::sleep(1h); },
                                         [] {
                                             try {
                                                 coir::sleep(1h);
                                             } catch (const coir::CancelledError&) {
                                                 throw std::range_error("worse");
                                             }
                                         }),
                            std::range_error);
            CHECK(coir::current_task().cancelling() == 1);
            try {
                coir::yield_now();
            } catch (const coir::CancelledError&) {
                cancelled_later = true;
                throw;
            }
        });
        coir::sleep(1s);
        caller.cancel();
        CHECK_THROWS_AS(coir::await(caller), coir::TaskCancelledError);
        CHECK(cancelled_later);
    });
}

TEST_CASE("rule 112, D3: cancelling when all jobs are done takes no result away") {
    on_every_order([] {
        auto future = coir::create_future<int>();
        int got = 0;
        bool next_wait_threw = false;
        auto caller = coir::create_task([&] {
            got = std::get<1>(coir::gather([] { return 1; }, future));
            try {
                coir::yield_now();
            } catch (const coir::CancelledError&) {
                next_wait_threw = true;
            }
        });
        coir::sleep(1s);
        future.set_result(2);  // the caller is ready, but has not run
        CHECK(caller.cancel());
        CHECK_FALSE(future.cancelled());
        coir::await(caller);
        CHECK(got == 2);
        CHECK(next_wait_threw);
    });
}

TEST_CASE("rule 113, D15: cancelling a gather that has failed cuts the jobs' clean-up short") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::string log;
        auto caller = coir::create_task([&] {
            coir::gather(
                [] {
                    coir::sleep(1s);
                    throw std::range_error("first");
                },
                [&] {
                    try {
                        coir::sleep(1h);
                    } catch (const coir::CancelledError&) {
                        sleep_and_tell(1h, log, 'c');
                    }
                });
        });
        coir::sleep(2s);
        caller.cancel();
        CHECK_THROWS_AS(coir::await(caller), std::range_error);  // it was there first
        CHECK(caller.cancelling() == 1);
        CHECK(log == "c");
        CHECK(loop.time() - start == 2s);
    });
}

TEST_CASE("rule 114, 115: a job of another loop is refused before anything starts") {
    run_on_sim([] {
        coir::EventLoop other(coir_test::sim_options());
        auto foreign = other.create_future<int>();
        bool ran = false;
        auto good = coir::create_task([] { coir::sleep(1s); });
        CHECK_THROWS_AS(coir::gather([&] { ran = true; }, good, foreign), coir::WrongThreadError);
        std::vector<coir::Future<int>> futures{coir::create_future<int>(), foreign};
        CHECK_THROWS_AS(coir::gather(futures), coir::WrongThreadError);
        CHECK_FALSE(futures.front().done());
        coir::Future<int> empty;
        CHECK_THROWS_AS(coir::gather([&] { ran = true; }, empty), coir::InvalidStateError);
        coir::await(good);  // and is as it was
        CHECK_FALSE(ran);
    });
}

TEST_CASE("rule 116: cancelling a gather of shields cancels the shields, not the shielded") {
    on_every_order([] {
        auto a = coir::create_task([] {
            coir::sleep(5s);
            return 1;
        });
        auto b = coir::create_task([] {
            coir::sleep(5s);
            return 2;
        });
        auto caller = coir::create_task([&] { coir::gather(coir::shield(a), coir::shield(b)); });
        coir::sleep(1s);
        caller.cancel();
        CHECK_THROWS_AS(coir::await(caller), coir::TaskCancelledError);
        CHECK(caller.cancelled());
        CHECK(a.cancelling() == 0);
        CHECK(b.cancelling() == 0);
        CHECK(coir::gather(a, b) == std::tuple(1, 2));
    });
}
