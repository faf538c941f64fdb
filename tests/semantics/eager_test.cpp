// SPDX-License-Identifier: BSL-1.0
// Eager tasks: semantics.md §2.6.
#include "reports.hpp"
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/context.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/run.hpp>
#include <coir/task.hpp>
#include <coir/task_group.hpp>
#include <coir/timeout.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;
using coir_test::sim_options;

namespace {

coir::TaskOptions eager(std::string name = {}) {
    coir::TaskOptions options;
    options.name = std::move(name);
    options.eager_start = true;
    return options;
}

bool is_alive(const coir::TaskRef& task) {
    const auto all = coir::all_tasks();
    return std::find(all.begin(), all.end(), task) != all.end();
}

/// Runs `f` as main in FIFO order and in drawn orders, with eager tasks for all.
template <class F>
void on_every_order_eagerly(F f) {
    for (std::uint64_t seed = 0; seed <= 10; ++seed) {
        INFO("seed " << seed);
        coir::RunOptions options =
            seed == 0 ? sim_options() : sim_options(std::optional<std::uint64_t>(seed));
        options.eager_tasks = true;
        coir_test::run_in_loop(f, options);
    }
}

}  // namespace

TEST_CASE("rule 89: an eager task runs inside create_task; one that ends there is done") {
    on_every_order([] {
        std::string order;
        auto other = coir::create_task([&] { order += 'o'; });
        order += '1';
        auto task = coir::create_task(eager(), [&] {
            order += '2';
            return 5;
        });
        order += '3';
        CHECK(task.done());
        CHECK(task.result() == 5);
        auto failed = coir::create_task(eager(), [] { throw std::range_error("f"); });
        CHECK(failed.done());
        CHECK_THROWS_AS(coir::await(failed), std::range_error);
        auto cancelled = coir::create_task(eager(), [] { throw coir::CancelledError("c"); });
        CHECK(cancelled.cancelled());
        CHECK(order == "123");
        // Ready things do not suspend it.
        auto future = coir::create_future<int>();
        future.set_result(7);
        CHECK(coir::create_task(eager(), [&] { return coir::await(future); }).result() == 7);
        coir::await(other);
        CHECK(order == "123o");
    });
}

TEST_CASE("rule 89: RunOptions::eager_tasks starts all tasks so, those of gather and groups too") {
    on_every_order_eagerly([] {
        std::string order;
        auto task = coir::create_task([&] { order += 'a'; });
        CHECK(task.done());
        coir::gather([&] { order += 'b'; },
                     [&] {
                         order += 'c';
                         coir::yield_now();
                         order += 'e';
                     },
                     [&] { order += 'd'; });
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task([&] {
                order += 'f';
                coir::yield_now();
                order += 'h';
            });
            order += 'g';
        });
        coir::spawn_detached([&] { order += 'i'; });
        CHECK(order == "abcdefghi");
    });
}

TEST_CASE("rule 89: before the loop runs an eager task waits for it") {
    coir::EventLoop loop(sim_options());
    bool ran = false;
    auto task = loop.create_task(eager(), [&] { ran = true; });
    CHECK_FALSE(ran);
    loop.run_until_complete(task);
    CHECK(ran);
}

TEST_CASE("rule 89: callbacks may start eager tasks; nothing runs in between") {
    on_every_order([] {
        std::string order;
        auto& loop = coir::get_running_loop();
        auto done = coir::create_future<void>();
        loop.call_soon([&] {
            coir::get_running_loop().call_soon([&] { order += 'x'; });
            order += '1';
            coir::spawn_detached(eager(), [&] {
                order += '2';
                coir::spawn_detached(eager(), [&] {
                    order += '3';
                    coir::sleep(1ms);
                    order += '8';
                });
                order += '4';
                coir::yield_now();
            });
            order += '5';
            CHECK_FALSE(coir::current_task());
            CHECK(coir::create_task(eager(), [] { return 1; }).result() == 1);
            coir::get_running_loop().call_later(2ms, [&] { done.set_result(); });
        });
        coir::await(done);
        order.erase(std::remove(order.begin(), order.end(), 'x'), order.end());
        CHECK(order == "123458");
    });
}

TEST_CASE("rule 90: current_task is the child in its eager step, and the creator again after it") {
    on_every_order([] {
        const coir::TaskRef creator = coir::current_task();
        coir::TaskRef inside, deeper, back;
        auto task = coir::create_task(eager(), [&] {
            inside = coir::current_task();
            coir::spawn_detached(eager(), [&] {
                deeper = coir::current_task();
                coir::sleep(1ms);
            });
            back = coir::current_task();
            coir::sleep(1ms);
            CHECK(coir::current_task() == inside);
        });
        CHECK(coir::current_task() == creator);
        CHECK(inside == task.ref());
        CHECK(back == inside);
        CHECK(deeper);
        CHECK_FALSE(deeper == inside);
        coir::await(task);
        CHECK(coir::current_task() == creator);
    });
}

TEST_CASE("rule 91: an eager task that waits goes on as an ordinary one") {
    on_every_order([] {
        std::string order;
        auto gate = coir::create_future<int>();
        auto task = coir::create_task(eager(), [&] {
            order += 'a';
            const int value = coir::await(gate);
            order += 'c';
            coir::sleep(1ms);
            return value;
        });
        order += 'b';
        CHECK_FALSE(task.done());
        coir::sleep(1ms);
        CHECK(order == "ab");
        gate.set_result(3);
        CHECK(coir::await(task) == 3);
        CHECK(order == "abc");
    });
}

TEST_CASE("rule 92: cancelling after it ended in its eager step does nothing") {
    on_every_order([] {
        auto task = coir::create_task(eager(), [] { return 5; });
        CHECK_FALSE(task.cancel());
        CHECK(coir::await(task) == 5);
        CHECK_FALSE(task.cancelled());
    });
}

TEST_CASE("rule 93: cancelling after its eager step is thrown where it waits") {
    on_every_order([] {
        std::string order;
        auto task = coir::create_task(eager(), [&] {
            order += 'a';
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError& error) {
                order += error.message();
                throw;
            }
        });
        CHECK(task.cancel("why"));
        CHECK_FALSE(task.cancelled());
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(order == "awhy");
    });
}

TEST_CASE("rule 93, D3: requests that meet an eager step stay for the next cancellation point") {
    on_every_order([] {
        // The child cancels its creator, which is not suspended: create_task is no cancellation point.
        bool created = false;
        auto creator = coir::create_task([&] {
            const coir::TaskRef self = coir::current_task();
            auto child = coir::create_task(eager(), [self] {
                self.cancel("by the child");
                coir::yield_now();
                return 4;
            });
            created = true;
            try {
                coir::sleep(1h);
                FAIL_CHECK("not cancelled");
            } catch (const coir::CancelledError& error) {
                CHECK(error.message() == "by the child");
            }
            coir::current_task().uncancel();
            return coir::await(child);
        });
        CHECK(coir::await(creator) == 4);
        CHECK(created);
        // A creator with a request can create tasks; the child is not concerned.
        auto asked = coir::create_task([] {
            coir::current_task().cancel();
            auto child = coir::create_task(eager(), [] {
                coir::sleep(1ms);
                return 6;
            });
            CHECK_THROWS_AS(coir::checkpoint(), coir::CancelledError);
            coir::current_task().uncancel();
            return coir::await(child);
        });
        CHECK(coir::await(asked) == 6);
    });
}

TEST_CASE("rule 94: an eager task is among all_tasks in its step, and gone once it has ended") {
    on_every_order([] {
        bool inside = false;
        auto ended = coir::create_task(eager(), [&] { inside = is_alive(coir::current_task()); });
        CHECK(inside);
        CHECK_FALSE(is_alive(ended.ref()));
        auto waits = coir::create_task(eager(), [] { coir::sleep(1ms); });
        CHECK(is_alive(waits.ref()));
        coir::await(waits);
        CHECK_FALSE(is_alive(waits.ref()));
        CHECK(coir::all_tasks().size() == 1);
    });
}

TEST_CASE("rule 95: what an eager step sets is not seen by the creator") {
    on_every_order([] {
        static coir::ContextVar<int> number("number", 0);
        number.set(1);
        auto task = coir::create_task(eager(), [] {
            const int before = number.get();
            number.set(2);
            coir::sleep(1ms);
            return before * 10 + number.get();
        });
        CHECK(number.get() == 1);
        number.set(3);
        CHECK(coir::await(task) == 12);
        CHECK(number.get() == 3);
        // From a callback, whose context is its own.
        int after = 0;
        coir::get_running_loop().call_soon([&] {
            number.set(4);
            coir::spawn_detached(eager(), [] { number.set(5); });
            after = number.get();
        });
        coir::sleep(1ms);
        CHECK(after == 4);
    });
}

TEST_CASE("rule 96: an eager child that fails does not interrupt its group's body inside create_task") {
    on_every_order([] {
        std::string order;
        try {
            coir::with_task_group([&](coir::TaskGroup& group) {
                group.create_task(eager("early"), [&] {
                    order += 'a';
                    try {
                        coir::sleep(1h);
                    } catch (const coir::CancelledError&) {
                        order += 'd';
                        throw;
                    }
                });
                group.create_task(eager(), [&] {
                    order += 'b';
                    throw std::range_error("eager");
                });
                order += 'c';
                CHECK(coir::current_task().cancelling() == 1);
                CHECK_THROWS_AS(group.create_task([] {}), coir::InvalidStateError);
                coir::sleep(1h);
                order += 'x';
            });
            FAIL_CHECK("nothing was thrown");
        } catch (const coir::ExceptionGroup& errors) {
            CHECK(errors.exceptions().size() == 1);
            CHECK(errors.split<std::range_error>().first);
        }
        CHECK((order == "abcd"));
        CHECK(coir::current_task().cancelling() == 0);
        coir::sleep(1ms);
    });
}

TEST_CASE("rule 96: an eager child that fails in a group whose body then returns") {
    on_every_order([] {
        CHECK_THROWS_AS(coir::with_task_group([](coir::TaskGroup& group) {
                            group.create_task(eager(), [] { throw std::range_error("e"); });
                        }),
                        coir::ExceptionGroup);
        CHECK(coir::current_task().cancelling() == 0);
    });
}

TEST_CASE("rule 96: an eager child may cancel its group") {
    on_every_order([] {
        bool reached = false;
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task(eager(), [&] {
                group.cancel();
                coir::sleep(1h);  // it is one of those that are cancelled
            });
            CHECK(group.size() == 0);
            coir::sleep(1h);
            reached = true;
        });
        CHECK_FALSE(reached);
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task(eager(), [&] { group.cancel(); });
            CHECK(group.size() == 0);
        });
        CHECK(coir::current_task().cancelling() == 0);
    });
}

TEST_CASE("rule 96: eager children of children, in a group with a limit on it") {
    on_every_order_eagerly([] {
        int ended = 0;
        CHECK_THROWS_AS(coir::with_timeout(5ms, [&] {
            coir::with_task_group([&](coir::TaskGroup& group) {
                for (int i = 0; i < 5; ++i) {
                    group.create_task([&group, &ended, i] {
                        group.create_task([&ended] { ++ended; });
                        coir::sleep(i * 2ms);
                        ++ended;
                    });
                }
            });
        }), coir::TimeoutError);
        CHECK(ended == 5 + 3);
    });
}

TEST_CASE("D23: tasks that are started eagerly give their creator no new credits") {
    run_on_sim([] {
        bool other_ran = false;
        auto other = coir::create_task([&] { other_ran = true; });
        int rounds = 0;
        while (!other_ran && rounds < 100'000) {
            ++rounds;
            coir::await(coir::create_task(eager(), [] {}));
        }
        CHECK(other_ran);
        CHECK(rounds <= 128);
        coir::await(other);
    });
}

TEST_CASE("D8: an eager step in a catch block leaves the exception in flight alone") {
    on_every_order([] {
        try {
            throw std::range_error("outer");
        } catch (const std::range_error&) {
            auto task = coir::create_task(eager(), [] {
                CHECK(std::uncaught_exceptions() == 0);
                CHECK_FALSE(std::current_exception());
                try {
                    throw std::overflow_error("inner");
                } catch (const std::overflow_error&) {
                    coir::sleep(1ms);
                    CHECK_THROWS_AS(std::rethrow_exception(std::current_exception()),
                                    std::overflow_error);
                }
            });
            CHECK_THROWS_AS(std::rethrow_exception(std::current_exception()), std::range_error);
            coir::await(task);
        }
    });
}

TEST_CASE("rule 91: thousands of eager tasks, one inside the other and one after another") {
    run_on_sim([] {
        std::vector<coir::Task<int>> tasks;
        for (int i = 0; i < 2000; ++i) {
            tasks.push_back(coir::create_task(eager(), [i] {
                if (i % 2 != 0) coir::sleep(1ms);
                return i;
            }));
            CHECK(tasks.back().done() == (i % 2 == 0));
        }
        for (int i = 0; i < 2000; ++i) CHECK(coir::await(tasks[static_cast<size_t>(i)]) == i);
        std::function<int(int)> nest = [&nest](int depth) -> int {
            if (depth == 0) return 0;
            auto inner = coir::create_task(eager(), [&nest, depth] { return nest(depth - 1); });
            return 1 + coir::await(inner);
        };
        CHECK(nest(200) == 200);
    });
}
