// SPDX-License-Identifier: BSL-1.0
// with_timeout and with_deadline: semantics.md §2.12 rules 148-159, decisions D3, D6, D9.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/sync.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

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

}  // namespace

TEST_CASE("rule 148: a deadline inside the body gives TimeoutError at the scope's end") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        CHECK(outcome_of([&] {
                  coir::with_timeout(2s, [&](coir::Timeout& timeout) {
                      CHECK(timeout.when() == start + 2s);
                      CHECK_FALSE(timeout.expired());
                      try {
                          coir::sleep(1h);
                      } catch (const coir::CancelledError&) {
                          CHECK(timeout.expired());
                          CHECK(timeout.when() == start + 2s);
                          CHECK(cancelling() == 1);
                          throw;
                      }
                  });
              }) == "timeout");
        CHECK(loop.time() - start == 2s);
        CHECK(cancelling() == 0);
        coir::yield_now();  // nothing is left of it
        CHECK(outcome_of([&] {
                  coir::with_deadline(start + 3s, [](coir::Timeout&) { coir::sleep(1h); });
              }) == "timeout");
        CHECK(loop.time() - start == 3s);
        CHECK(cancelling() == 0);
    });
}

TEST_CASE("rule 149: inside the body the deadline is seen as CancelledError") {
    run_on_sim([] {
        std::string seen;
        CHECK(outcome_of([&] {
                  coir::with_timeout(1s, [&] {
                      seen = outcome_of([] { coir::sleep(1h); });
                      coir::yield_now();  // edge-triggered: only once
                      throw coir::CancelledError();
                  });
              }) == "timeout");
        CHECK(seen == "cancelled");
    });
}

TEST_CASE("rule 150: a body in time gives its result, and the timer is withdrawn") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        CHECK(coir::with_timeout(1h, [&] {
                  coir::sleep(1s);
                  CHECK(loop.metrics().timers == 1);
                  return 5;
              }) == 5);
        CHECK(loop.metrics().timers == 0);
        CHECK(*coir::with_timeout(1h, [] { return std::make_unique<int>(6); }) == 6);
        int target = 0;
        coir::with_timeout(1h, [&]() -> int& { return target; }) = 7;
        CHECK(target == 7);
        CHECK(cancelling() == 0);
    });
}

TEST_CASE("rule 151: without a deadline it never fires and when() is empty") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        auto body = [&](coir::Timeout& timeout) {
            CHECK_FALSE(timeout.when());
            CHECK(loop.metrics().timers == 0);
            coir::sleep(24h * 1000);
            CHECK_FALSE(timeout.expired());
            return 1;
        };
        CHECK(coir::with_deadline(coir::never, body) == 1);
        CHECK(coir::with_timeout(std::chrono::hours::max(), body) == 1);
    });
}

TEST_CASE("rule 152: a past deadline fires at the first real suspension, even a yield") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        auto future = coir::create_future<int>();
        CHECK(outcome_of([] { coir::with_timeout(0s, [] { coir::sleep(0s); }); }) == "timeout");
        CHECK(outcome_of([] { coir::with_timeout(-1s, [] { coir::yield_now(); }); }) == "timeout");
        CHECK(outcome_of([] { coir::with_timeout(0s, [] { coir::sleep(1s); }); }) == "timeout");
        CHECK(outcome_of([&] { coir::with_timeout(0s, [&] { coir::await(future); }); }) ==
              "timeout");
        CHECK(outcome_of([&] {
                  coir::with_deadline(start - 1min, [] { coir::sleep_until(coir::TimePoint()); });
              }) == "timeout");
        CHECK(loop.time() == start);
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 152: a body that never suspends is not interrupted, nor are waits that are over") {
    on_every_order([] {
        CHECK(coir::with_timeout(0s, [](coir::Timeout& timeout) { return timeout.expired(); }) ==
              false);
        auto done = coir::create_future<int>();
        done.set_result(3);
        coir::Lock lock;
        CHECK(coir::with_timeout(-1s, [&] {
                  lock.lock();
                  lock.unlock();
                  coir::checkpoint();
                  return coir::await(done);
              }) == 3);
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 153: another error of the body passes, and the scope has not expired") {
    run_on_sim([] {
        bool expired = true;
        CHECK_THROWS_AS(coir::with_timeout(1s,
                                           [&](coir::Timeout& timeout) {
                                               expired = timeout.expired();
                                               throw std::range_error("own");
                                           }),
                        std::range_error);
        CHECK_FALSE(expired);
        CHECK_THROWS_AS(coir::with_timeout(1s, [] { throw 5; }), int);
        CHECK(coir::get_running_loop().metrics().timers == 0);
        coir::sleep(2s);
    });
}

TEST_CASE("rule 154, D6: another error thrown during expiry passes unchanged") {
    run_on_sim([] {
        bool expired = false;
        CHECK_THROWS_WITH(coir::with_timeout(1s,
                                             [&](coir::Timeout& timeout) {
                                                 try {
                                                     coir::sleep(1h);
                                                 } catch (const coir::CancelledError&) {
                                                     expired = timeout.expired();
                                                     throw std::range_error("foreign");
                                                 }
                                             }),
                          "foreign");
        CHECK(expired);
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 155: a cancellation from outside before expiry is no timeout") {
    on_every_order([] {
        std::string message;
        auto task = coir::create_task([&] {
            try {
                coir::with_timeout(1h, [] { coir::sleep(2h); });
            } catch (const coir::CancelledError& error) {
                message = error.message();
                CHECK(cancelling() == 1);
                throw;
            }
        });
        coir::sleep(1s);
        task.cancel("outside");
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(task.cancelled());
        CHECK(message == "outside");
    });
}

TEST_CASE("rule 155: a cancellation from outside goes before an expiry that it meets") {
    // Both come while the body cleans up after the deadline: the request is not lost behind it.
    on_every_order([] {
        auto task = coir::create_task([&] {
            coir::with_timeout(1s, [] {
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError&) {
                    coir::sleep(1h);
                }
            });
        });
        coir::sleep(2s);
        task.cancel("outside");
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(task.cancelled());
        CHECK(task.cancelling() == 1);
    });
}

TEST_CASE("rule 156: of nested timeouts with equal deadlines only the outermost converts") {
    on_every_order([] {
        const auto deadline = coir::get_running_loop().time() + 1s;
        std::string inner;
        bool both = false;
        CHECK(outcome_of([&] {
                  coir::with_deadline(deadline, [&](coir::Timeout& first) {
                      inner = outcome_of([&] {
                          coir::with_deadline(deadline, [&](coir::Timeout& second) {
                              try {
                                  coir::sleep(1h);
                              } catch (const coir::CancelledError&) {
                                  both = first.expired() && second.expired();
                                  throw;
                              }
                          });
                      });
                      CHECK(inner == "cancelled");
                      throw coir::CancelledError();
                  });
              }) == "timeout");
        CHECK(both);
        CHECK(cancelling() == 0);
        CHECK(outcome_of([&] {
                  coir::with_timeout(0s, [&] { coir::with_timeout(0s, [&] { coir::sleep(0s); }); });
              }) == "timeout");
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE(
    "rule 157: inner and outer both due after blocking work: inner converts, outer fires next") {
    const auto block_for = [](std::chrono::milliseconds duration) {
        const auto end = std::chrono::steady_clock::now() + duration;
        while (std::chrono::steady_clock::now() < end) {
        }
    };
    coir_test::run_in_loop([&] {
        std::string inner;
        std::string after;
        CHECK(outcome_of([&] {
                  coir::with_timeout(20ms, [&] {
                      inner = outcome_of([&] {
                          coir::with_timeout(5ms, [&] {
                              block_for(40ms);
                              coir::sleep(1h);
                          });
                      });
                      CHECK(cancelling() == 1);
                      try {
                          coir::sleep(1h);
                      } catch (const coir::CancelledError&) {
                          after = "cancelled";
                          throw;
                      }
                  });
              }) == "timeout");
        CHECK(inner == "timeout");
        CHECK(after == "cancelled");
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
    // The outer deadline is the earlier one: it is the only one that fires.
    coir_test::run_in_loop([&] {
        std::string inner;
        CHECK(outcome_of([&] {
                  coir::with_timeout(2ms, [&] {
                      inner = outcome_of([&] {
                          coir::with_timeout(1h, [&] {
                              block_for(10ms);
                              coir::sleep(1h);
                          });
                      });
                      throw coir::CancelledError();
                  });
              }) == "timeout");
        CHECK(inner == "cancelled");
        CHECK(cancelling() == 0);
    });
}

TEST_CASE("rule 157: in virtual time, with three scopes due at once") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto past = loop.time() - 1h;
        std::string log;
        CHECK(outcome_of([&] {
                  coir::with_deadline(past + 3s, [&] {
                      log += outcome_of([&] {
                          coir::with_deadline(past + 2s, [&] {
                              log += outcome_of(
                                  [&] { coir::with_deadline(past + 1s, [] { coir::sleep(1s); }); });
                              CHECK(cancelling() == 2);
                              coir::sleep(1s);
                          });
                      });
                      CHECK(cancelling() == 1);
                      coir::sleep(1s);
                  });
              }) == "timeout");
        CHECK(log == "timeouttimeout");
        CHECK(cancelling() == 0);
        coir::sleep(1s);
    });
}

TEST_CASE("rule 158: reschedule moves the deadline, earlier, later or away") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        CHECK(outcome_of([&] {
                  coir::with_timeout(1s, [&](coir::Timeout& timeout) {
                      timeout.reschedule(start + 5s);
                      CHECK(timeout.when() == start + 5s);
                      CHECK(loop.metrics().timers == 1);
                      coir::sleep(3s);
                      timeout.reschedule(start + 4s);
                      coir::sleep(1h);
                  });
              }) == "timeout");
        CHECK(loop.time() - start == 4s);
        coir::with_timeout(1s, [&](coir::Timeout& timeout) {
            timeout.reschedule(std::nullopt);
            CHECK_FALSE(timeout.when());
            coir::sleep(1h);
            timeout.reschedule(coir::never);
            coir::sleep(1h);
        });
        const auto again = loop.time();
        CHECK(outcome_of([&] {
                  coir::with_deadline(coir::never, [&](coir::Timeout& timeout) {
                      timeout.reschedule(again);
                      coir::yield_now();
                  });
              }) == "timeout");
        CHECK(outcome_of([&] {
                  coir::with_timeout(0s, [&](coir::Timeout& timeout) {
                      timeout.reschedule(again + 1s);  // in time: nothing had suspended yet
                      coir::yield_now();
                      coir::sleep(500ms);
                      CHECK_FALSE(timeout.expired());
                      coir::sleep(1h);
                  });
              }) == "timeout");
        CHECK(loop.time() - again == 1s);
        CHECK(cancelling() == 0);
    });
}

TEST_CASE("rule 158: reschedule of a scope that has expired is an error") {
    run_on_sim([] {
        bool refused = false;
        CHECK(outcome_of([&] {
                  coir::with_timeout(1s, [&](coir::Timeout& timeout) {
                      try {
                          coir::sleep(1h);
                      } catch (const coir::CancelledError&) {
                          CHECK_THROWS_AS(timeout.reschedule(std::nullopt),
                                          coir::InvalidStateError);
                          refused = true;
                          throw;
                      }
                  });
              }) == "timeout");
        CHECK(refused);
    });
}

TEST_CASE("rule 159: a timeout outside a task is an error, and the body is not run") {
    bool entered = false;
    auto body = [&] { entered = true; };
    CHECK_THROWS_AS(coir::with_timeout(1s, body), std::logic_error);
    run_on_sim([&] {
        coir::get_running_loop().call_soon([&] {
            CHECK_THROWS_AS(coir::with_timeout(1s, body), std::logic_error);
            CHECK_THROWS_AS(coir::with_deadline(coir::never, body), std::logic_error);
            CHECK_THROWS_AS(coir::no_cancel(body), std::logic_error);
        });
        coir::sleep(1s);
    });
    CHECK_FALSE(entered);
}
