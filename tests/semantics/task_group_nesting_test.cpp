// SPDX-License-Identifier: BSL-1.0
// Task groups among other requests: semantics.md §2.14 rules 176-181, 188-190, decision D39.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/task_group.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir::TaskGroup;
using coir_test::on_every_order;
using coir_test::run_on_sim;

namespace {

std::string describe(const coir::ExceptionGroup& group) {
    std::string all;
    for (const std::exception_ptr& error : group.exceptions()) {
        try {
            std::rethrow_exception(error);
        } catch (const coir::ExceptionGroup& inner) {
            all += "{" + describe(inner) + "}";
        } catch (const std::exception& known) {
            all += known.what();
        }
    }
    return all;
}

/// The errors of the group that `f` throws, "cancelled", "timeout", or "none".
template <class F>
std::string outcome_of(F&& f) {
    try {
        f();
        return "none";
    } catch (const coir::ExceptionGroup& group) {
        return describe(group);
    } catch (const coir::CancelledError&) {
        return "cancelled";
    } catch (const coir::TimeoutError&) {
        return "timeout";
    }
}

void fail_when_cancelled(const char* error) {
    try {
        coir::sleep(1h);
    } catch (const coir::CancelledError&) {
        throw std::runtime_error(error);
    }
}

void fail_after(std::chrono::seconds duration, const char* error) {
    coir::sleep(duration);
    throw std::runtime_error(error);
}

std::uint32_t cancelling() { return coir::current_task().cancelling(); }

}  // namespace

TEST_CASE(
    "rule 176, 177: errors win over the parent's cancellation, which is thrown at the next wait") {
    on_every_order([] {
        for (const bool in_body : {true, false}) {
            std::string outcome;
            std::string after;
            auto task = coir::create_task([&] {
                outcome = outcome_of([&] {
                    coir::with_task_group([&](TaskGroup& group) {
                        group.create_task(fail_when_cancelled, "e");
                        if (in_body) coir::sleep(1h);
                    });
                });
                CHECK(cancelling() == 1);
                try {
                    coir::yield_now();
                } catch (const coir::CancelledError& error) {
                    after = error.message();
                    throw;
                }
            });
            coir::sleep(1s);
            task.cancel("outside");
            CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
            CHECK(outcome == "e");
            CHECK(after == "outside");
            CHECK(task.cancelled());
            CHECK(task.cancelling() == 1);
        }
    });
}

TEST_CASE("rule 178: a body that turns the cancellation into another error has that one grouped") {
    on_every_order([] {
        std::string outcome;
        auto task = coir::create_task([&] {
            outcome = outcome_of([] {
                coir::with_task_group([](TaskGroup& group) {
                    group.create_task([] { coir::sleep(1h); });
                    fail_when_cancelled("mine");
                });
            });
        });
        coir::sleep(1s);
        task.cancel();
        coir::await(task);
        CHECK(outcome == "mine");
    });
}

TEST_CASE("rule 179: an inner failure arrives in the outer group as a nested group") {
    on_every_order([] {
        CHECK(outcome_of([] {
                  coir::with_task_group([](TaskGroup& outer) {
                      outer.create_task(fail_when_cancelled, "sibling");
                      coir::with_task_group(
                          [](TaskGroup& inner) { inner.create_task(fail_after, 1s, "inner"); });
                  });
              }) == "sibling{inner}");
        CHECK(outcome_of([] {
                  coir::with_task_group([](TaskGroup& outer) {
                      outer.create_task([] {
                          coir::with_task_group(
                              [](TaskGroup& inner) { inner.create_task(fail_after, 1s, "inner"); });
                      });
                  });
              }) == "{inner}");
        CHECK(cancelling() == 0);
    });
}

TEST_CASE("rule 179: a failure in the outer group cancels the inner one") {
    on_every_order([] {
        bool inner_cancelled = false;
        CHECK(outcome_of([&] {
                  coir::with_task_group([&](TaskGroup& outer) {
                      outer.create_task(fail_after, 1s, "outer");
                      coir::with_task_group([&](TaskGroup& inner) {
                          inner.create_task([&] {
                              try {
                                  coir::sleep(1h);
                              } catch (const coir::CancelledError&) {
                                  inner_cancelled = true;
                                  throw;
                              }
                          });
                          coir::sleep(1h);
                      });
                  });
              }) == "outer");
        CHECK(inner_cancelled);
        CHECK(outcome_of([] {
                  coir::with_task_group([](TaskGroup& outer) {
                      outer.create_task(fail_after, 1s, "outer");
                      coir::with_task_group([](TaskGroup& inner) {
                          inner.create_task(fail_when_cancelled, "inner");
                      });
                  });
              }) == "outer{inner}");
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 180: both of two nested groups fail at once") {
    run_on_sim([] {  // in a drawn order the inner one may be over before the outer one fails
        std::string inner_outcome;
        CHECK(outcome_of([&] {
                  coir::with_task_group([&](TaskGroup& outer) {
                      inner_outcome = outcome_of([&] {
                          coir::with_task_group([&](TaskGroup& inner) {
                              inner.create_task(fail_after, 1s, "inner");
                              outer.create_task(fail_after, 1s, "outer");
                          });
                      });
                      CHECK(cancelling() == 1);
                  });
              }) == "outer");
        CHECK(inner_outcome == "inner");
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE(
    "rule 180: the outer group's request is delivered at the next wait after the inner group") {
    on_every_order([] {
        std::string after;
        CHECK(outcome_of([&] {
                  coir::with_task_group([&](TaskGroup& outer) {
                      outcome_of([&] {
                          coir::with_task_group([&](TaskGroup& inner) {
                              inner.create_task(fail_after, 1s, "inner");
                              outer.create_task(fail_after, 1s, "outer");
                              coir::sleep(1h);
                          });
                      });
                      try {
                          coir::sleep(1h);
                      } catch (const coir::CancelledError&) {
                          after = "cancelled";
                          throw;
                      }
                  });
              }) == "outer");
        CHECK(after == "cancelled");
        CHECK(cancelling() == 0);
    });
}

TEST_CASE(
    "rule 181: the body's clean-up fails while the group cancels it: both errors, count restored") {
    on_every_order([] {
        CHECK(outcome_of([] {
                  coir::with_task_group([](TaskGroup& group) {
                      group.create_task(fail_after, 1s, "child");
                      try {
                          coir::sleep(1h);
                      } catch (const coir::CancelledError&) {
                          coir::sleep(1s);
                          throw std::runtime_error("body");
                      }
                  });
              }) == "childbody");
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 188: cancel() ends children and body, and the scope ends normally") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        int ended = 0;
        bool body_cancelled = false;
        CHECK(outcome_of([&] {
                  coir::with_task_group([&](TaskGroup& group) {
                      for (int i = 0; i < 3; ++i) {
                          group.create_task([&] {
                              try {
                                  coir::sleep(1h);
                              } catch (const coir::CancelledError&) {
                                  ++ended;
                                  throw;
                              }
                          });
                      }
                      group.create_task([&] {
                          coir::sleep(1s);
                          group.cancel();
                          group.cancel();
                      });
                      try {
                          coir::sleep(1h);
                      } catch (const coir::CancelledError&) {
                          body_cancelled = true;
                          group.cancel();
                          throw;
                      }
                  });
              }) == "none");
        CHECK(ended == 3);
        CHECK(body_cancelled);
        CHECK(loop.time() - start == 1s);
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 188: cancel() as the body's last act, and after the body") {
    on_every_order([] {
        CHECK(coir::with_task_group([](TaskGroup& group) {
                  group.create_task([] { coir::sleep(1h); });
                  coir::yield_now();
                  group.cancel();
                  return 3;
              }) == 3);
        coir::with_task_group([](TaskGroup& group) {
            group.create_task([] { coir::sleep(1h); });
            group.create_task([&] {
                coir::sleep(1s);
                group.cancel();
            });
        });
        CHECK(cancelling() == 0);
        coir::yield_now();
        // Cut short, a body has no result to give.
        CHECK(outcome_of([] {
                  coir::with_task_group([](TaskGroup& group) {
                      group.cancel();
                      coir::yield_now();
                      return 3;
                  });
              }) == "cancelled");
        CHECK(cancelling() == 0);
    });
}

TEST_CASE("rule 189: cancel() and a real error: the error's group is thrown") {
    on_every_order([] {
        CHECK(outcome_of([] {
                  coir::with_task_group([](TaskGroup& group) {
                      group.create_task(fail_when_cancelled, "e");
                      coir::sleep(1s);
                      group.cancel();
                      coir::sleep(1h);
                  });
              }) == "e");
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 190: cancel() does not swallow a cancellation from outside") {
    on_every_order([] {
        for (const bool outside_first : {true, false}) {
            std::string outcome;
            TaskGroup* active = nullptr;
            auto task = coir::create_task([&] {
                outcome = outcome_of([&] {
                    coir::with_task_group([&](TaskGroup& group) {
                        active = &group;
                        coir::sleep(1h);
                    });
                });
                CHECK(cancelling() == 1);
            });
            coir::sleep(1s);
            if (outside_first) task.cancel();
            active->cancel();
            if (!outside_first) task.cancel();
            coir::await(task);
            CHECK(outcome == "cancelled");
        }
    });
}

TEST_CASE("rule 190: cancel() does not swallow a timeout around the group") {
    on_every_order([] {
        CHECK(outcome_of([] {
                  coir::with_timeout(1s, [] {
                      coir::with_task_group([](TaskGroup& group) {
                          group.create_task([] { coir::sleep(1h); });
                          try {
                              coir::sleep(1h);
                          } catch (const coir::CancelledError&) {
                              group.cancel();
                              throw;
                          }
                      });
                  });
              }) == "timeout");
        CHECK(outcome_of([] {
                  coir::with_timeout(1s, [] {
                      coir::with_task_group([](TaskGroup& group) {
                          group.create_task([] { coir::sleep(1h); });
                          group.cancel();
                          outcome_of([] { coir::sleep(1h); });
                          coir::sleep(1h);  // the group's request has been swallowed
                      });
                  });
              }) == "timeout");
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 188: a timeout inside the body of a group is none of the group's business") {
    on_every_order([] {
        CHECK(outcome_of([] {
                  coir::with_task_group([](TaskGroup& group) {
                      group.create_task([] { coir::sleep(3s); });
                      CHECK(outcome_of([] { coir::with_timeout(1s, [] { coir::sleep(1h); }); }) ==
                            "timeout");
                      CHECK(cancelling() == 0);
                      coir::sleep(1s);
                  });
              }) == "none");
    });
}

TEST_CASE("D39: a group of one error is a group, and split() divides it by type") {
    run_on_sim([] {
        // All wake in one turn, so that the first failure finds nothing left to cancel.
        auto range = [](const char* what) {
            coir::sleep(1s);
            throw std::range_error(what);
        };
        auto domain = [](const char* what) {
            coir::sleep(1s);
            throw std::domain_error(what);
        };
        auto throw_all = [&] {
            coir::with_task_group([&](TaskGroup& outer) {
                outer.create_task(range, "r");
                outer.create_task([&] {
                    coir::with_task_group([&](TaskGroup& inner) {
                        inner.create_task(domain, "d");
                        inner.create_task(range, "q");
                    });
                });
                outer.create_task(domain, "e");
            });
        };
        try {
            coir::gather(throw_all);
            FAIL("not thrown");
        } catch (const coir::ExceptionGroup& group) {
            CHECK(describe(group) == "re{dq}");
            const auto [ranges, rest] = group.split<std::range_error>();
            CHECK(describe(ranges) == "r{q}");
            CHECK(describe(rest) == "e{d}");
            CHECK(static_cast<bool>(ranges));
            CHECK_THROWS_AS(rest.rethrow(), coir::ExceptionGroup);
            const auto [all, nothing] = group.split<std::exception>();  // takes the inner one whole
            CHECK(describe(all) == "re{dq}");
            CHECK_FALSE(static_cast<bool>(nothing));
            const auto [groups, errors] = group.split<coir::ExceptionGroup>();
            CHECK(describe(groups) == "{dq}");
            CHECK(describe(errors) == "re");
            CHECK(std::string(group.what()).find("3 errors; the first: r") != std::string::npos);
        }
    });
}
