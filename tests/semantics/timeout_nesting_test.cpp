// SPDX-License-Identifier: BSL-1.0
// Timeouts in clean-up code and under masks: semantics.md §2.12 rules 160-163, decisions D2, D6,
// no_cancel, bug classes B06, B07, B08, B32.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/sync.hpp>
#include <coir/task_group.hpp>
#include <coir/timeout.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

namespace {

/// What a call throws: "timeout", "cancelled", "error", or "" for nothing.
template <class F>
std::string outcome_of(F&& f) {
    try {
        f();
        return "";
    } catch (const coir::TimeoutError&) {
        return "timeout";
    } catch (const coir::CancelledError&) {
        return "cancelled";
    } catch (const std::exception&) {
        return "error";
    }
}

std::uint32_t cancelling() { return coir::current_task().cancelling(); }

/// Cancels the current task and catches it, as clean-up code that goes on for long does.
void be_cancelled() {
    coir::current_task().cancel();
    CHECK(outcome_of([] { coir::sleep(1h); }) == "cancelled");
}

}  // namespace

TEST_CASE("rule 160: in clean-up code of a cancelled task a timeout fires and eats nothing") {
    on_every_order([] {
        be_cancelled();
        CHECK(cancelling() == 1);
        CHECK(outcome_of([] { coir::with_timeout(1s, [] { coir::sleep(1h); }); }) == "timeout");
        CHECK(cancelling() == 1);
        // The older cancellation has been delivered; the timeout does not bring it back.
        coir::sleep(1s);
        CHECK(outcome_of([] {
                  coir::with_timeout(1s, [] {
                      coir::current_task().cancel();
                      coir::sleep(1h);
                  });
              }) == "cancelled");
        CHECK(cancelling() == 2);
    });
}

TEST_CASE("rule 160, D3: a timeout that a result has beaten leaves no request in clean-up code") {
    on_every_order([] {
        be_cancelled();
        // The deadline strikes after the sleep has ended and before the scope ends.
        CHECK(coir::with_timeout(1s, [](coir::Timeout& timeout) {
                  coir::sleep(1s);
                  coir::yield_now();
                  while (!timeout.expired()) coir::no_cancel([] { coir::sleep(1ns); });
                  return 4;
              }) == 4);
        CHECK(cancelling() == 1);
        coir::sleep(1s);  // would throw if the request were still there
        coir::with_timeout(1s, [] {
            coir::with_timeout(1s, [](coir::Timeout& timeout) {
                while (!timeout.expired()) coir::no_cancel([] { coir::sleep(1s); });
            });
        });
        CHECK(cancelling() == 1);
        coir::sleep(1s);
    });
}

TEST_CASE("rule 161, B08: a timeout in the clean-up of one that has expired: both are told") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        bool first_nested = false;
        std::string log;
        try {
            coir::with_timeout(1s, [&] {
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError&) {
                    log = outcome_of([] { coir::with_timeout(2s, [] { coir::sleep(1h); }); });
                    throw;
                }
            });
        } catch (const coir::TimeoutError& error) {
            try {
                std::rethrow_if_nested(error);
            } catch (const coir::CancelledError&) {
                first_nested = true;
            }
        }
        CHECK(first_nested);
        CHECK(log == "timeout");
        CHECK(loop.time() - start == 3s);
        CHECK(cancelling() == 0);
        // Not caught inside, the second one is what comes out.
        CHECK(outcome_of([] {
                  coir::with_timeout(1s, [&] {
                      try {
                          coir::sleep(1h);
                      } catch (const coir::CancelledError&) {
                          coir::with_timeout(2s, [] { coir::sleep(1h); });
                      }
                  });
              }) == "timeout");
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 162: a body that swallows the cancellation and returns is no timeout") {
    on_every_order([] {
        bool expired = false;
        CHECK(coir::with_timeout(1s, [&](coir::Timeout& timeout) {
                  CHECK(outcome_of([] { coir::sleep(1h); }) == "cancelled");
                  coir::sleep(1h);  // edge-triggered
                  expired = timeout.expired();
                  return 9;
              }) == 9);
        CHECK(expired);
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 162, D6: in debug mode a swallowed timeout is logged") {
    coir_test::LogCapture log;
    run_on_sim([&] {
        auto swallow = [] {
            coir::with_timeout(1s, [] {
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError&) {
                }
            });
        };
        swallow();
        CHECK_FALSE(log.contains("timeout swallowed"));
        coir::get_running_loop().set_debug(true);
        swallow();
        CHECK(log.count("timeout swallowed") == 1);
        // A result that came first is no reason for a line.
        coir::with_timeout(1s, [] { coir::sleep(1s); });
        coir::with_timeout(1s, [] { coir::no_cancel([] { coir::sleep(2s); }); });
        CHECK(log.count("timeout swallowed") == 1);
    });
}

TEST_CASE("rule 163: a group whose child fails in its clean-up gives the group, not the timeout") {
    on_every_order([] {
        bool is_group = false;
        try {
            coir::with_timeout(1s, [] {
                coir::with_task_group([](coir::TaskGroup& group) {
                    group.create_task([] {
                        try {
                            coir::sleep(1h);
                        } catch (const coir::CancelledError&) {
                            throw std::range_error("in clean-up");
                        }
                    });
                });
            });
        } catch (const coir::ExceptionGroup& group) {
            is_group = group.exceptions().size() == 1;
        }
        CHECK(is_group);
        CHECK(cancelling() == 0);
        coir::yield_now();
        CHECK(outcome_of([] {
                  coir::with_timeout(1s, [] {
                      coir::with_task_group([](coir::TaskGroup& group) {
                          group.create_task([] { coir::sleep(1h); });
                          coir::sleep(1h);
                      });
                  });
              }) == "timeout");
        CHECK(cancelling() == 0);
    });
}

TEST_CASE("D2: no_cancel keeps a request back until the first cancellation point after it") {
    on_every_order([] {
        std::string log;
        coir::Lock lock;
        auto task = coir::create_task([&] {
            lock.lock();
            const int value = coir::no_cancel([&] {
                coir::sleep(2s);
                log += 'a';
                coir::no_cancel([] { coir::sleep(1s); });
                coir::sleep(1s);  // still inside the outer one
                log += 'b';
                CHECK(cancelling() == 2);
                return 7;
            });
            CHECK(value == 7);
            lock.unlock();
            log += 'c';
            try {
                coir::checkpoint();
            } catch (const coir::CancelledError& error) {
                log += error.message();
                throw;
            }
        });
        coir::sleep(1s);
        task.cancel("1");
        coir::sleep(2500ms);
        task.cancel("2");
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(log == "abc2");
    });
}

TEST_CASE("D2: no_cancel lifts its mask when its body throws, and no request is lost by that") {
    run_on_sim([] {
        auto task = coir::create_task([] {
            CHECK_THROWS_AS(coir::no_cancel([] {
                                coir::sleep(2s);
                                throw std::range_error("own");
                            }),
                            std::range_error);
            coir::sleep(1h);
        });
        coir::sleep(1s);
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(coir::get_running_loop().time().time_since_epoch() < 2h);
    });
}

TEST_CASE("D2: an awaited task is not cancelled through a no_cancel block") {
    on_every_order([] {
        auto child = coir::create_task([] {
            coir::sleep(10s);
            return 3;
        });
        int got = 0;
        auto task = coir::create_task([&] {
            got = coir::no_cancel([&] { return coir::await(child); });
            coir::yield_now();
        });
        coir::sleep(1s);
        task.cancel();
        CHECK(child.cancelling() == 0);
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(got == 3);
    });
}

TEST_CASE("D2: a timeout inside no_cancel works, and the older request still waits") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::string log;
        auto task = coir::create_task([&] {
            coir::no_cancel([&] {
                log += outcome_of([] { coir::with_timeout(2s, [] { coir::sleep(1h); }); });
                CHECK(cancelling() == 1);
                coir::sleep(1s);  // the timeout's error has not taken the older request along
                log += outcome_of([] {
                    coir::with_task_group([](coir::TaskGroup& group) {
                        group.create_task([] { throw std::range_error("x"); });
                        coir::sleep(1h);
                    });
                });
            });
            log += ' ';
            log += outcome_of([] { coir::yield_now(); });
            throw coir::CancelledError();
        });
        coir::sleep(1s);
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(log == "timeouterror cancelled");
        CHECK(loop.time() - start == 3s);
    });
}

TEST_CASE("D2: a timeout around no_cancel waits until the block is over") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        bool block_over = false;
        CHECK(outcome_of([&] {
                  coir::with_timeout(1s, [&] {
                      coir::no_cancel([&] {
                          coir::sleep(3s);
                          block_over = true;
                      });
                      coir::sleep(1h);
                  });
              }) == "timeout");
        CHECK(block_over);
        CHECK(loop.time() - start == 3s);
        CHECK(cancelling() == 0);
    });
}

TEST_CASE(
    "D2, B07: a destructor that waits during a cancellation finishes, with a limit of its own") {
    on_every_order([] {
        std::string log;
        struct Goodbye {
            std::string& log;
            ~Goodbye() {
                log += outcome_of([] { coir::with_timeout(5s, [] { coir::sleep(2s); }); });
                log += "sent ";
                log += outcome_of([] { coir::with_timeout(5s, [] { coir::sleep(10s); }); });
            }
        };
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        auto task = coir::create_task([&] {
            Goodbye goodbye{log};
            coir::sleep(1h);
        });
        coir::sleep(1s);
        task.cancel("first");
        coir::sleep(1s);
        task.cancel("second");  // while the destructor waits: masked
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(log == "sent timeout");
        CHECK(task.cancelled());
        CHECK(task.cancelling() == 2);
        CHECK(loop.time() - start == 8s);
    });
}

TEST_CASE("B06: cancellation in a noexcept frame under no_cancel, and as an error code") {
    on_every_order([] {
        auto child = coir::create_task([] {
            coir::sleep(10s);
            return 5;
        });
        int got = 0;
        std::error_code code;
        auto task = coir::create_task([&] {
            [&]() noexcept { got = coir::no_cancel([&] { return coir::await(child); }); }();
            auto never_set = coir::create_future<int>();
            [&]() noexcept { coir::await(never_set, code); }();
            coir::sleep(1h);
        });
        coir::sleep(1s);
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(got == 5);
        CHECK(code == std::errc::operation_canceled);
        CHECK(task.cancelling() == 1);
    });
}

TEST_CASE("B06: a timeout seen as an error code is still the timeout's") {
    on_every_order([] {
        be_cancelled();
        std::error_code code;
        CHECK(outcome_of([&] {
                  coir::with_timeout(1s, [&] {
                      auto never_set = coir::create_future<int>();
                      [&]() noexcept { coir::await(never_set, code); }();
                      coir::sleep(1h);
                  });
              }) == "timeout");
        CHECK(code == std::errc::operation_canceled);
        coir::with_timeout(1s, [&] {
            auto never_set = coir::create_future<int>();
            [&]() noexcept { coir::await(never_set, code); }();
        });
        CHECK(cancelling() == 1);
        coir::sleep(1s);  // the scope has taken its request with it
    });
}

TEST_CASE(
    "B32, B42: cancel, result and deadline in every order: one end, and nothing is left over") {
    on_every_order([] {
        std::array<int, 3> order{0, 1, 2};
        do {
            auto& loop = coir::get_running_loop();
            auto future = coir::create_future<int>();
            const auto start = loop.time();
            std::string log;
            auto waiter = coir::create_task([&] {
                try {
                    const int value = coir::with_timeout(1s, [&] { return coir::await(future); });
                    log += std::to_string(value);
                } catch (const coir::TimeoutError&) {
                    log += 't';
                } catch (const coir::CancelledError&) {
                    log += 'c';
                }
            });
            coir::sleep(1ms);
            bool taken = false;
            for (int event : order) {
                if (event == 0) taken = waiter.cancel();
                if (event == 1) future.try_set_result(1);
                if (event == 2) coir::sleep_until(start + 1s);  // wakes in the deadline's turn
            }
            coir::await(waiter);
            const auto place = [&](int event) {
                return std::find(order.begin(), order.end(), event);
            };
            CHECK(log == (place(0) < place(1) ? "c" : "1"));
            CHECK(waiter.cancelling() == (taken ? 1u : 0u));
            CHECK(loop.metrics().timers == 0);
        } while (std::next_permutation(order.begin(), order.end()));
    });
}
