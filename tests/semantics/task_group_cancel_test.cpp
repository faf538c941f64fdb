// SPDX-License-Identifier: BSL-1.0
// TaskGroup::cancel in every state of its group (rules 184, 188 to 190, D20, D33), and what
// ExceptionGroup::split makes of what comes out (D39).
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/task_group.hpp>
#include <coir/thread.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

using coir::TaskGroup;
using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_in_loop;
using coir_test::run_on_sim;

TEST_CASE("rule 188, D33: cancel() asks the children in the order of their creation, each once") {
    run_on_sim([] {
        std::string order;
        std::vector<coir::Task<void>> children;
        coir::with_task_group([&](TaskGroup& group) {
            for (char name : {'a', 'b', 'c'}) {
                children.push_back(group.create_task([&order, name] {
                    try {
                        coir::sleep(1h);
                    } catch (const coir::CancelledError&) {
                        order += name;
                        coir::sleep(1s);  // not cut short by what comes later
                        throw;
                    }
                }));
            }
            coir::sleep(1s);
            group.cancel();
            group.cancel();
            coir::yield_now();
        });
        CHECK(order == "abc");
        for (auto& child : children) CHECK(child.cancelling() == 1);
    });
}

TEST_CASE("rule 184, 188: a cancelled group takes no more children; an empty one ends at once") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        bool went_on = false;
        coir::with_task_group([&](TaskGroup& group) {
            group.cancel();
            CHECK_THROWS_AS(group.create_task([] {}), coir::InvalidStateError);
            CHECK(group.size() == 0);
            coir::sleep(1h);
            went_on = true;
        });
        CHECK_FALSE(went_on);
        CHECK(loop.time() == start);
        // From a callback, while the body waits, and while the children are joined.
        for (const bool in_body : {true, false}) {
            coir::with_task_group([&](TaskGroup& group) {
                group.create_task([] { coir::sleep(1h); });
                loop.call_later(1s, [&] { group.cancel(); });
                if (in_body) coir::sleep(1h);
            });
        }
        CHECK(loop.time() - start == 2s);
        CHECK(coir::current_task().cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 188, D20: cancel() of a group of another thread's loop is refused") {
    run_in_loop([] {
        bool refused = false;
        bool cut_short = true;
        coir::with_task_group([&](TaskGroup& group) {
            group.create_task([] { coir::sleep(1ms); });
            refused = coir::to_thread([&] {
                try {
                    group.cancel();
                } catch (const coir::WrongThreadError&) {
                    return true;
                }
                return false;
            });
            cut_short = false;
        });
        CHECK(refused);
        CHECK_FALSE(cut_short);
    });
}

TEST_CASE("rule 188, 190: cancel() at every step of a group, with and without one from outside") {
    for (const bool outside : {false, true}) {
        for (int steps = 0; steps < 15; ++steps) {
            INFO("after " << steps << " steps, from outside too: " << outside);
            run_on_sim([&] {
                TaskGroup* open = nullptr;
                int running = 0;
                bool threw = false;
                bool asked = false;  // from outside
                auto child = [&] {
                    ++running;
                    try {
                        for (int i = 0; i < 4; ++i) coir::yield_now();
                    } catch (const coir::CancelledError&) {
                        --running;
                        throw;
                    }
                    --running;
                };
                auto parent = coir::create_task([&] {
                    try {
                        coir::with_task_group([&](TaskGroup& group) {
                            open = &group;
                            group.create_task(child);
                            coir::yield_now();
                            coir::yield_now();
                            group.create_task(child);
                        });
                    } catch (const coir::CancelledError&) {
                        threw = true;
                    } catch (const coir::ExceptionGroup&) {
                        // The body met a group that had been stopped: create_task() was refused.
                    }
                    open = nullptr;
                    CHECK(running == 0);
                    CHECK(coir::current_task().cancelling() == (asked ? 1u : 0u));
                });
                coir::yield_now();
                for (int i = 0; i < steps && open; ++i) coir::yield_now();
                if (open) {
                    open->cancel();
                    asked = outside && parent.cancel();
                    CHECK(asked == outside);
                    coir::await(parent);
                    if (!outside) CHECK_FALSE(threw);
                } else {
                    coir::await(parent);
                }
            });
        }
    }
}

TEST_CASE("D39: split takes what catch would, by base class and by reference, and keeps the order") {
    auto group_of = [](auto... errors) {
        return coir::ExceptionGroup("group", {std::make_exception_ptr(errors)...});
    };
    auto texts = [](const coir::ExceptionGroup& group) {
        std::string text;
        for (const std::exception_ptr& error : group.exceptions()) {
            try {
                std::rethrow_exception(error);
            } catch (const coir::ExceptionGroup&) {
                text += '{';
            } catch (const std::exception& e) {
                text += e.what();
            } catch (...) {
                text += '?';
            }
        }
        return text;
    };
    const auto group = group_of(std::range_error("r"), 7, std::logic_error("l"),
                                std::domain_error("d"), group_of(std::range_error("in")));
    {
        const auto [mine, rest] = group.split<std::logic_error>();
        CHECK(texts(mine) == "ld");  // a domain_error is a logic_error
        CHECK(texts(rest) == "r?{");
        CHECK(mine.what() == std::string("group (2 errors; the first: l)"));
    }
    {
        const auto [mine, rest] = group.split<int>();
        CHECK(texts(mine) == "?");
        CHECK(texts(rest) == "rld{");
    }
    {
        // Taken whole by its own type, or by a base of it.
        const auto [mine, rest] = group.split<coir::ExceptionGroup>();
        CHECK(texts(mine) == "{");
        CHECK(texts(rest) == "r?ld");
        const auto [all, non_standard] = group.split<std::exception>();
        CHECK(texts(all) == "rld{");
        CHECK(texts(non_standard) == "?");
    }
    {
        const auto [mine, rest] = group.split<std::bad_alloc>();
        CHECK_FALSE(static_cast<bool>(mine));
        CHECK(texts(rest) == texts(group));
        CHECK_THROWS_AS(rest.rethrow(), coir::ExceptionGroup);
        // The very same exceptions: nothing is copied.
        CHECK(rest.exceptions()[0] == group.exceptions()[0]);
    }
    {
        const auto [mine, rest] = group_of(std::range_error("a")).split<std::range_error>();
        CHECK(texts(mine) == "a");
        CHECK_FALSE(static_cast<bool>(rest));
    }
}
