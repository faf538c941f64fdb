// SPDX-License-Identifier: BSL-1.0
// move_on_after (api.md §3): the rules of timeout scopes (§2.12), but for the TimeoutError.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/task_group.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

TEST_CASE("rule 148: move_on_after gives nullopt, or false, when the time is over") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        auto slow = coir::move_on_after(1s, [] {
            coir::sleep(1h);
            return 5;
        });
        static_assert(std::is_same_v<decltype(slow), std::optional<int>>);
        CHECK_FALSE(slow);
        CHECK(loop.time() - start == 1s);
        CHECK_FALSE(coir::move_on_after(0.5s, [] { coir::sleep(1h); }));
        CHECK(loop.time() - start == 1500ms);
        CHECK(coir::current_task().cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 150: move_on_after gives the result when there is time") {
    on_every_order([] {
        CHECK(coir::move_on_after(2s, [] {
                  coir::sleep(1s);
                  return 5;
              }) == std::optional<int>(5));
        CHECK(coir::move_on_after(2s, [] { coir::sleep(1s); }));
        CHECK(coir::move_on_after(std::chrono::hours::max(), [] { return true; }) ==
              std::optional<bool>(true));
        int shared = 0;
        CHECK(&coir::move_on_after(1s, [&]() -> int& { return shared; })->get() == &shared);
        CHECK(**coir::move_on_after(1s, [] { return std::make_unique<int>(4); }) == 4);
        const auto inner = coir::move_on_after(1s, [] { return std::optional<int>(); });
        CHECK(inner.has_value());  // in time, whatever it is
        CHECK_FALSE(coir::get_running_loop().next_timeout());
    });
}

TEST_CASE("rule 158: the body of move_on_after may take a Timeout&") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        CHECK(coir::move_on_after(1s, [&](coir::Timeout& timeout) {
            CHECK(timeout.when() == start + 1s);
            timeout.reschedule(start + 3s);
            coir::sleep(2s);
        }));
        bool expired = false;
        CHECK_FALSE(coir::move_on_after(1h, [&](coir::Timeout& timeout) {
            timeout.reschedule(loop.time() + 1s);
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                expired = timeout.expired();
                CHECK_THROWS_AS(timeout.reschedule(std::nullopt), coir::InvalidStateError);
                throw;
            }
            return 1;
        }));
        CHECK(expired);
        CHECK(loop.time() - start == 3s);
        CHECK(coir::move_on_after(1s, [](coir::Timeout& timeout) {
            timeout.reschedule(std::nullopt);
            CHECK_FALSE(timeout.when());
            coir::sleep(1h);
        }));
    });
}

TEST_CASE("rule 152: with no time left the first suspension ends the body of move_on_after") {
    on_every_order([] {
        bool began = false;
        bool went_on = false;
        CHECK_FALSE(coir::move_on_after(-1s, [&] {
            began = true;
            coir::yield_now();
            went_on = true;
        }));
        CHECK(began);
        CHECK_FALSE(went_on);
        CHECK(coir::move_on_after(0s, [] { return 3; }) == std::optional<int>(3));
    });
}

TEST_CASE("rule 153, 154: errors of the body pass through move_on_after, TimeoutErrors too") {
    on_every_order([] {
        CHECK_THROWS_AS(coir::move_on_after(1s, [] { throw std::range_error("x"); }),
                        std::range_error);
        CHECK_THROWS_AS(coir::move_on_after(2s,
                                            [] {
                                                coir::with_timeout(1s, [] { coir::sleep(1h); });
                                            }),
                        coir::TimeoutError);
        CHECK_THROWS_AS(coir::move_on_after(1s,
                                            [] {
                                                try {
                                                    coir::sleep(1h);
                                                } catch (const coir::CancelledError&) {
                                                    throw std::domain_error("clean-up");
                                                }
                                            }),
                        std::domain_error);
        CHECK(coir::current_task().cancelling() == 0);
    });
}

TEST_CASE("rule 155, 162: a cancellation from outside passes; a swallowed one is in time") {
    on_every_order([] {
        bool moved_on = false;
        auto task = coir::create_task([&] {
            static_cast<void>(coir::move_on_after(1h, [] { coir::sleep(2h); }));
            moved_on = true;
        });
        coir::sleep(1s);
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK_FALSE(moved_on);
        CHECK(coir::move_on_after(1s, [] {
                  try {
                      coir::sleep(1h);
                  } catch (const coir::CancelledError&) {
                  }
                  return 6;
              }) == std::optional<int>(6));
        CHECK(coir::current_task().cancelling() == 0);
    });
}

TEST_CASE("rule 156, 157: nested scopes: equal deadlines end the outermost, others their own") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        bool after_inner = false;
        CHECK_FALSE(coir::move_on_after(1s, [&] {
            static_cast<void>(coir::move_on_after(1s, [] { coir::sleep(1h); }));
            after_inner = true;
        }));
        CHECK_FALSE(after_inner);
        const auto start = loop.time();
        CHECK(coir::move_on_after(3s, [&] {
            CHECK_FALSE(coir::move_on_after(1s, [] { coir::sleep(1h); }));
            coir::sleep(1s);
        }));
        CHECK(loop.time() - start == 2s);
        // Around a task group: the children are joined first.
        int joined = 0;
        CHECK_FALSE(coir::move_on_after(1s, [&] {
            coir::with_task_group([&](coir::TaskGroup& group) {
                group.create_task([&] {
                    try {
                        coir::sleep(1h);
                    } catch (const coir::CancelledError&) {
                        coir::sleep(1s);
                        ++joined;
                        throw;
                    }
                });
            });
        }));
        CHECK(joined == 1);
    });
}

TEST_CASE("rule 146, D3: a result that is there with the deadline is in time") {
    on_every_order([] {
        auto future = coir::create_future<int>();
        auto waiter = coir::create_task(
            [=] { return coir::move_on_after(2s, [=] { return coir::await(future); }); });
        coir::sleep(1s);
        coir::get_running_loop().call_later(1s, [=] { future.set_result(1); });
        CHECK(coir::await(waiter) == std::optional<int>(1));
    });
}

TEST_CASE("rule 159: move_on_after refuses NaN, and to be called outside a task") {
    bool ran = false;
    CHECK_THROWS_AS(coir::move_on_after(1s, [&] { ran = true; }), std::logic_error);
    run_on_sim([&] {
        const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
        CHECK_THROWS_AS(coir::move_on_after(nan, [&] { ran = true; }), std::invalid_argument);
    });
    CHECK_FALSE(ran);
}
