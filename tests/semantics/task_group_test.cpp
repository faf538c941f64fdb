// SPDX-License-Identifier: BSL-1.0
// Task groups: semantics.md §2.14 rules 170-179, 183-187, decisions D9, D11, D14, D39.
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

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
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
        } catch (const std::exception& known) {
            all += known.what();
        } catch (int number) {
            all += std::to_string(number);
        }
    }
    return all;
}

/// What the errors of the group that `f` throws say, in order; "none" when it throws nothing.
template <class F>
std::string errors_of(F&& f) {
    try {
        f();
    } catch (const coir::ExceptionGroup& group) {
        return describe(group);
    }
    return "none";
}

/// A child that runs for an hour, or ends with `error` when it is cancelled before.
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

TEST_CASE("rule 170: the end of the scope waits for all children, also for those added later") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        int done = 0;
        const int result = coir::with_task_group([&](TaskGroup& group) {
            auto task = group.create_task(
                [&](int x) {
                    coir::sleep(1s);
                    ++done;
                    return x;
                },
                5);
            group.create_task([&] {
                coir::sleep(2s);
                ++done;
                group.create_task([&] {
                    coir::sleep(3s);
                    ++done;
                });
            });
            CHECK(group.size() == 2);
            const int value = coir::await(task);
            CHECK(group.size() == 1);
            return value + 1;
        });
        CHECK(result == 6);
        CHECK(done == 3);
        CHECK(loop.time() - start == 5s);
        CHECK(coir::all_tasks().size() == 1);
        CHECK(coir::with_task_group([](TaskGroup&) { return std::make_unique<int>(3); }) !=
              nullptr);
    });
}

TEST_CASE("rule 170: a child added between the last child's end and the scope's is waited for") {
    run_on_sim([] {
        bool done = false;
        TaskGroup* active = nullptr;
        auto outsider = coir::create_task([&] {
            coir::yield_now();
            coir::sleep(1s);  // due together with the child's, and after it
            CHECK(active->size() == 0);
            active->create_task([&] {
                coir::sleep(1s);
                done = true;
            });
        });
        coir::with_task_group([&](TaskGroup& group) {
            active = &group;
            group.create_task([] { coir::sleep(1s); });
        });
        CHECK(done);
        coir::await(outsider);
    });
}

TEST_CASE("rule 171: a child that is cancelled by itself is no error") {
    on_every_order([] {
        bool other_done = false;
        CHECK(errors_of([&] {
                  coir::with_task_group([&](TaskGroup& group) {
                      auto victim = group.create_task([] { coir::sleep(1h); });
                      group.create_task([&] {
                          coir::sleep(2s);
                          other_done = true;
                      });
                      group.create_task([] { throw coir::CancelledError("unasked"); });
                      coir::sleep(1s);
                      victim.cancel();
                  });
              }) == "none");
        CHECK(other_done);
        CHECK(cancelling() == 0);
    });
}

TEST_CASE("rule 172: a child's error cancels siblings and body; real errors come as one group") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        bool body_cancelled = false;
        bool sibling_cleaned = false;
        CHECK(errors_of([&] {
                  coir::with_task_group([&](TaskGroup& group) {
                      group.create_task(fail_after, 1s, "first");
                      group.create_task([&] {
                          try {
                              coir::sleep(1h);
                          } catch (const coir::CancelledError&) {
                              coir::sleep(2s);
                              sibling_cleaned = true;
                              throw;
                          }
                      });
                      try {
                          coir::sleep(1h);
                      } catch (const coir::CancelledError&) {
                          body_cancelled = true;
                          CHECK(cancelling() == 1);
                          throw;
                      }
                  });
              }) == "first");
        CHECK(body_cancelled);
        CHECK(sibling_cleaned);
        CHECK(cancelling() == 0);
        CHECK(loop.time() - start == 3s);
        coir::yield_now();
    });
}

TEST_CASE("rule 172: an error after the body's end needs no request") {
    on_every_order([] {
        std::string errors = errors_of([] {
            coir::with_task_group([](TaskGroup& group) {
                group.create_task(fail_after, 1s, "late");
                group.create_task([] { coir::sleep(1h); });
            });
        });
        CHECK(errors == "late");
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 172: a body that does not see the request ends, and the request is taken back") {
    run_on_sim([] {
        CHECK(errors_of([] {
                  coir::with_task_group([](TaskGroup& group) {
                      group.create_task([] { throw std::runtime_error("e"); });
                      coir::yield_now();
                      CHECK(cancelling() == 1);
                  });
              }) == "e");
        CHECK(cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE(
    "rule 172: in clean-up code of a cancelled task the count is restored, nothing thrown twice") {
    on_every_order([] {
        auto task = coir::create_task([] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
            }
            CHECK(errors_of([] {
                      coir::with_task_group([](TaskGroup& group) {
                          group.create_task(fail_after, 1s, "e");
                          coir::sleep(1h);
                      });
                  }) == "e");
            CHECK(cancelling() == 1);
            coir::sleep(1s);  // the older cancellation has been delivered once
            coir::with_task_group([](TaskGroup& group) {
                group.create_task([&] { group.cancel(); });
                coir::sleep(1h);
            });
            CHECK(cancelling() == 1);
            coir::sleep(1s);
            return 1;
        });
        coir::sleep(1s);
        task.cancel();
        CHECK(coir::await(task) == 1);
    });
}

TEST_CASE("rule 173: an error of the body cancels the children and is in the group") {
    on_every_order([] {
        bool child_cancelled = false;
        CHECK(errors_of([&] {
                  coir::with_task_group([&](TaskGroup& group) {
                      group.create_task([&] {
                          try {
                              coir::sleep(1h);
                          } catch (const coir::CancelledError&) {
                              child_cancelled = true;
                              throw;
                          }
                      });
                      coir::sleep(1s);
                      throw std::range_error("body");
                  });
              }) == "body");
        CHECK(child_cancelled);
        CHECK(errors_of([] {
                  coir::with_task_group([](TaskGroup&) -> int { throw std::range_error("alone"); });
              }) == "alone");
    });
}

TEST_CASE("rule 174: errors come in the order in which they happened, the body's last") {
    on_every_order([] {
        CHECK(errors_of([&] {
                  coir::with_task_group([&](TaskGroup& group) {
                      group.create_task([] {
                          try {
                              coir::sleep(1h);
                          } catch (const coir::CancelledError&) {
                              fail_after(2s, "c");
                          }
                      });
                      group.create_task([] {
                          try {
                              coir::sleep(1h);
                          } catch (const coir::CancelledError&) {
                              fail_after(1s, "b");
                          }
                      });
                      group.create_task(fail_after, 1s, "a");
                      fail_when_cancelled("body");
                  });
              }) == "abcbody");
    });
}

TEST_CASE(
    "rule 175: cancelling the parent cancels the children, waits, and CancelledError goes on") {
    on_every_order([] {
        for (const bool in_body : {true, false}) {
            auto& loop = coir::get_running_loop();
            const auto start = loop.time();
            int cleaned = 0;
            std::string message;
            auto task = coir::create_task([&] {
                try {
                    coir::with_task_group([&](TaskGroup& group) {
                        for (int i = 0; i < 3; ++i) {
                            group.create_task([&] {
                                try {
                                    coir::sleep(1h);
                                } catch (const coir::CancelledError&) {
                                    coir::sleep(1s);
                                    ++cleaned;
                                    throw;
                                }
                            });
                        }
                        if (in_body) coir::sleep(1h);
                    });
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
            CHECK(cleaned == 3);
            CHECK(message == "outside");
            CHECK(loop.time() - start == 2s);
        }
    });
}

TEST_CASE("rule 175, D3: a request that comes when the last child has ended takes no result away") {
    run_on_sim([] {
        int result = 0;
        std::string after;
        auto parent = coir::create_task([&] {
            result = coir::with_task_group([&](TaskGroup& group) {
                group.create_task([] { coir::sleep(1s); });
                return 6;
            });
            try {
                coir::yield_now();
            } catch (const coir::CancelledError&) {
                after = "cancelled";
            }
        });
        coir::yield_now();
        coir::yield_now();
        coir::sleep(1s);  // due together with the child's, and after it
        CHECK_FALSE(parent.done());
        parent.cancel();
        coir::await(parent);
        CHECK(result == 6);
        CHECK(after == "cancelled");
    });
}

TEST_CASE("rule 183: errors that are no std::exception are grouped, too") {
    on_every_order([] {
        CHECK(errors_of([] {
                  coir::with_task_group(
                      [](TaskGroup& group) { group.create_task([] { throw 7; }); });
              }) == "7");
        CHECK(errors_of([] { coir::with_task_group([](TaskGroup&) { throw 8; }); }) == "8");
    });
}

TEST_CASE(
    "rule 184, D14: create_task in a group that stops or has ended is refused, nothing leaks") {
    on_every_order([] {
        auto token = std::make_shared<int>(1);
        int refused = 0;
        bool entered = false;
        auto try_to_add = [&](TaskGroup& group) {
            try {
                group.create_task([&entered, token](std::shared_ptr<int>) { entered = true; },
                                  token);
            } catch (const coir::InvalidStateError&) {
                ++refused;
            }
        };
        CHECK(errors_of([&] {
                  coir::with_task_group([&](TaskGroup& group) {
                      group.create_task([&] {
                          try {
                              coir::sleep(1h);
                          } catch (const coir::CancelledError&) {
                              try_to_add(group);
                          }
                      });
                      group.create_task(fail_after, 1s, "e");
                      try {
                          coir::sleep(1h);
                      } catch (const coir::CancelledError&) {
                          try_to_add(group);
                          throw;
                      }
                  });
              }) == "e");
        CHECK(refused == 2);
        CHECK_FALSE(entered);
        CHECK(token.use_count() == 1);
        CHECK(coir::all_tasks().size() == 1);
    });
}

TEST_CASE("rule 185, D20: a task group outside a task, or used from another thread, is refused") {
    bool entered = false;
    auto body = [&](TaskGroup&) { entered = true; };
    CHECK_THROWS_AS(coir::with_task_group(body), std::logic_error);
    run_on_sim([&] {
        coir::get_running_loop().call_soon(
            [&] { CHECK_THROWS_AS(coir::with_task_group(body), std::logic_error); });
        coir::yield_now();
        coir::with_task_group([](TaskGroup& group) {
            bool refused = false;
            std::thread other([&] {
                try {
                    coir::run([&] { group.create_task([] {}); }, coir_test::sim_options());
                } catch (const coir::WrongThreadError&) {
                    refused = true;
                }
            });
            other.join();
            CHECK(refused);
            CHECK(group.size() == 0);
        });
    });
    CHECK_FALSE(entered);
}

TEST_CASE("rule 186: children that have ended are forgotten") {
    run_on_sim([] {
        auto token = std::make_shared<int>(1);
        coir::with_task_group([&](TaskGroup& group) {
            for (int i = 0; i < 1000; ++i) {
                group.create_task([token] { coir::yield_now(); });
                if (i % 10 == 9) {
                    coir::sleep(1ms);
                    CHECK(group.size() == 0);
                    CHECK(token.use_count() == 1);
                }
            }
            CHECK(coir::all_tasks().size() == 1);
        });
    });
}

TEST_CASE("rule 187: children that keep making children cannot outlive a stop") {
    on_every_order([] {
        int alive = 0;
        int made = 0;
        std::function<void(TaskGroup&)> spread = [&](TaskGroup& group) {
            struct Count {
                int& alive;
                explicit Count(int& a) : alive(++a) {}
                ~Count() { --alive; }
            } count(alive);
            ++made;
            while (made < 10'000) {
                coir::sleep(1s);
                group.create_task([&] { spread(group); });
            }
        };
        CHECK(errors_of([&] {
                  coir::with_task_group([&](TaskGroup& group) {
                      group.create_task([&] { spread(group); });
                      coir::sleep(6500ms);
                      throw std::runtime_error("enough");
                  });
              }) == "enough");
        CHECK(alive == 0);
        CHECK(made > 10);
        CHECK(coir::all_tasks().size() == 1);
    });
}

TEST_CASE("D9: scopes are calls; nothing of them can be made, moved or left by hand") {
    STATIC_REQUIRE_FALSE(std::is_default_constructible_v<TaskGroup>);
    STATIC_REQUIRE_FALSE(std::is_move_constructible_v<TaskGroup>);
    STATIC_REQUIRE_FALSE(std::is_destructible_v<TaskGroup>);
    STATIC_REQUIRE_FALSE(
        std::is_constructible_v<coir::Timeout, coir::TimePoint, coir::TimePoint>);
    STATIC_REQUIRE_FALSE(std::is_move_constructible_v<coir::Timeout>);
    STATIC_REQUIRE_FALSE(std::is_destructible_v<coir::Timeout>);
}

TEST_CASE("D11: arguments are decay-copied, std::ref shares, and handles may be dropped") {
    run_on_sim([] {
        std::string text = "ab";
        int target = 0;
        coir::with_task_group([&](TaskGroup& group) {
            group.create_task(
                [](std::string copy, int& out) { out = static_cast<int>(copy.size()); }, text,
                std::ref(target));
            coir::TaskOptions options;
            options.name = "named";
            auto named = group.create_task(
                options,
                [](std::unique_ptr<int> p) {
                    return coir::current_task().name() + std::to_string(*p);
                },
                std::make_unique<int>(4));
            text = "changed";
            CHECK(coir::await(named) == "named4");
        });
        CHECK(target == 2);
    });
}
