// SPDX-License-Identifier: BSL-1.0
// as_completed: semantics.md §2.10, decision D15.
#include "reports.hpp"
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/as_completed.hpp>
#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/timeout.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

namespace {

coir::Task<int> value_after(std::chrono::seconds delay, int value) {
    return coir::create_task([=] {
        coir::sleep(delay);
        return value;
    });
}

template <class Range>
std::vector<int> values_of(Range&& range) {
    std::vector<int> values;
    for (auto& handle : range) values.push_back(coir::await(handle));
    return values;
}

}  // namespace

using IntTasks = coir::AsCompleted<coir::Task<int>>;
static_assert(std::input_iterator<IntTasks::Iterator>);
static_assert(std::ranges::input_range<IntTasks>);

TEST_CASE("rule 129: handles come in the order in which they end") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::vector tasks{value_after(3s, 3), value_after(1s, 1), value_after(2s, 2)};
        int expected = 0;
        for (auto& task : coir::as_completed(tasks)) {
            ++expected;
            CHECK(task.done());
            CHECK(coir::await(task) == expected);
            CHECK(loop.time() - start == expected * 1s);
        }
        CHECK(expected == 3);
        // Those that had ended before: in the order of the arguments.
        tasks.push_back(value_after(1s, 9));
        std::swap(tasks[0], tasks[2]);
        CHECK(values_of(coir::as_completed(tasks)) == std::vector{2, 1, 3, 9});
    });
}

TEST_CASE("rule 129: of jobs that end while the loop's body waits, none is lost or reordered") {
    on_every_order([] {
        auto b = coir::create_future<int>();
        auto a = coir::create_future<int>();
        auto c = coir::create_future<int>();
        std::vector<int> got;
        coir::get_running_loop().call_later(1s, [=] { a.set_result(1); });
        coir::get_running_loop().call_later(2s, [=] { c.set_result(2); });
        coir::get_running_loop().call_later(3s, [=] { b.set_result(3); });
        for (auto& future : coir::as_completed(std::vector{a, b, c})) {
            got.push_back(future.result());
            coir::sleep(10s);
        }
        CHECK(got == std::vector{1, 2, 3});
    });
}

TEST_CASE("rule 130: the very handles that were passed in come out") {
    on_every_order([] {
        std::vector tasks{value_after(2s, 0), value_after(1s, 0)};
        std::vector<coir::Task<int>> out;
        for (auto& task : coir::as_completed(tasks)) out.push_back(task);
        CHECK(out == std::vector{tasks[1], tasks[0]});
        // Results that cannot be copied are moved out of them.
        std::vector<std::function<std::unique_ptr<int>()>> jobs(
            2, [] { return std::make_unique<int>(4); });
        int sum = 0;
        for (auto& task : coir::as_completed(jobs)) sum += *coir::await(std::move(task));
        CHECK(sum == 8);
    });
}

TEST_CASE("rule 130: a job's error is in its handle, and is not thrown by the step") {
    on_every_order([] {
        std::vector tasks{value_after(2s, 1), coir::create_task([]() -> int {
                              coir::sleep(1s);
                              throw std::range_error("job");
                          })};
        tasks.push_back(value_after(1h, 3));
        coir::get_running_loop().call_later(3s, [last = tasks[2]] { last.cancel(); });
        std::string seen;
        for (auto& task : coir::as_completed(tasks)) {
            try {
                coir::await(task);
                seen += 'v';
            } catch (const std::range_error&) {
                seen += 'e';
            } catch (const coir::TaskCancelledError&) {
                seen += 'c';
            }
        }
        CHECK(seen == "evc");
    });
}

TEST_CASE("rule 131: when the time is over every step throws TimeoutError, for each job left") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::vector tasks{value_after(1s, 1), value_after(5s, 2), value_after(6s, 3)};
        auto range = coir::as_completed(tasks, 3s);
        int values = 0;
        int timeouts = 0;
        bool more = true;
        while (more) {
            try {
                for (auto& task : range) values += coir::await(task);
                more = false;
            } catch (const coir::TimeoutError&) {
                ++timeouts;
                CHECK(loop.time() - start == 3s);
            }
        }
        CHECK(values == 1);
        CHECK(timeouts == 2);
        CHECK(range.begin() == range.end());
        CHECK(tasks[1].cancelling() == 0);
        CHECK(coir::await(tasks[1]) == 2);
        CHECK(coir::await(tasks[2]) == 3);
    });
}

TEST_CASE("rule 131, D3: what has ended when the time is over is given; the clock runs all along") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        std::vector<coir::Future<int>> futures{coir::create_future<int>(),
                                               coir::create_future<int>(),
                                               coir::create_future<int>()};
        loop.call_later(2s, [=] { futures[1].set_result(1); });  // with the deadline
        auto range = coir::as_completed(futures, loop.time() + 2s);
        auto at = range.begin();
        CHECK(*at == futures[1]);
        futures[0].set_result(1);
        coir::sleep(10s);
        ++at;  // late, but there
        CHECK(*at == futures[0]);
        const auto start = loop.time();
        CHECK_THROWS_AS(++at, coir::TimeoutError);
        CHECK(loop.time() == start);
        CHECK(at == std::default_sentinel);
    });
}

TEST_CASE("rule 132: a timer that is not needed is withdrawn") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        auto range = coir::as_completed(std::vector{value_after(1s, 1), value_after(2s, 2)}, 1h);
        CHECK(values_of(range) == std::vector{1, 2});
        CHECK_FALSE(loop.next_timeout());
        CHECK(values_of(coir::as_completed(std::vector{value_after(1s, 1)},
                                           std::chrono::hours::max())) == std::vector{1});
    });
}

TEST_CASE("rule 133: a loop that was left can be taken up again") {
    on_every_order([] {
        auto range = coir::as_completed(
            std::vector{value_after(1s, 1), value_after(2s, 2), value_after(3s, 3)});
        for (auto& task : range) {
            CHECK(coir::await(task) == 1);
            break;
        }
        auto moved = std::move(range);
        CHECK(range.begin() == range.end());
        CHECK(values_of(moved) == std::vector{2, 3});
        CHECK(values_of(moved).empty());
    });
}

TEST_CASE("rule 134: duplicates come once; an empty range is empty") {
    on_every_order([] {
        auto a = value_after(2s, 1);
        auto b = value_after(1s, 2);
        CHECK(values_of(coir::as_completed(std::vector{a, b, a, b})) == std::vector{2, 1});
        CHECK(values_of(coir::as_completed(std::vector{a, a})) == std::vector{1});
        CHECK(values_of(coir::as_completed(std::vector<coir::Task<int>>())).empty());
    });
}

TEST_CASE("rule 135: leaving the loop leaves tasks running that were the caller's") {
    on_every_order([] {
        std::vector tasks{value_after(1s, 1), value_after(2s, 2)};
        for (auto& task : coir::as_completed(tasks)) {
            CHECK(coir::await(task) == 1);
            break;
        }
        CHECK(tasks[1].cancelling() == 0);
        CHECK(coir::await(tasks[1]) == 2);
    });
}

TEST_CASE("rule 135, D15: leaving the loop cancels and joins jobs that were callables") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::string log;
        std::vector<std::function<void()>> jobs;
        jobs.emplace_back([] { coir::sleep(1s); });
        for (char name : {'a', 'b'}) {
            jobs.emplace_back([&log, name] {
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError&) {
                    coir::sleep(2s);  // both clean up at the same time, and undisturbed
                    log += name;
                    throw;
                }
            });
        }
        jobs.emplace_back([] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                throw std::domain_error("dropped, as that of gather's jobs");
            }
        });
        auto leave = [&] {
            for (auto& task : coir::as_completed(jobs)) {
                coir::await(task);
                throw std::range_error("body");
            }
        };
        CHECK_THROWS_AS(leave(), std::range_error);
        CHECK(log.size() == 2);
        CHECK(loop.time() - start == 3s);
        CHECK(coir::all_tasks().size() == 1);
    });
}

TEST_CASE("rule 135, D37: an error that was there before the loop was left is reported once") {
    coir_test::Reports reports;
    coir::Runner runner(coir_test::sim_options());
    reports.attach(runner.loop());
    runner.run([] {
        std::vector<std::function<void()>> jobs(2, [] { throw std::range_error("unread"); });
        auto range = coir::as_completed(jobs);
        coir::sleep(1s);
    });
    CHECK(reports.all.size() == 2);
    CHECK(reports.all.at(0).error == "unread");
}

TEST_CASE("rule 127, D15: cancelled in a step, a range leaves handles alone and ends callables") {
    on_every_order([] {
        auto handle = value_after(5s, 7);
        int ended = 0;
        auto task = coir::create_task([&] {
            std::vector<std::function<void()>> jobs(2, [&] {
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError&) {
                    ++ended;
                    throw;
                }
            });
            auto owning = coir::as_completed(jobs);
            for (auto& one : coir::as_completed(std::vector{handle})) one.done();
        });
        coir::sleep(1s);
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(ended == 2);
        CHECK(coir::await(handle) == 7);
    });
}

TEST_CASE("rule 115, 58: as_completed refuses what it cannot wait for, and starts nothing") {
    run_on_sim([] {
        coir::EventLoop other(coir_test::sim_options());
        CHECK_THROWS_AS(coir::as_completed(std::vector{other.create_future<int>()}),
                        coir::WrongThreadError);
        CHECK_THROWS_AS(coir::as_completed(std::vector<coir::Task<int>>(1)),
                        coir::InvalidStateError);
        bool started = false;
        std::vector<std::function<void()>> jobs{[&] { started = true; }, nullptr};
        CHECK_THROWS_AS(coir::as_completed(jobs), std::invalid_argument);
        coir::yield_now();
        CHECK_FALSE(started);
        coir::Task<void> self;
        self = coir::create_task([&] {
            CHECK_THROWS_AS(coir::as_completed(std::vector{self}), coir::InvalidStateError);
        });
        coir::await(self);
        // One task at a time takes steps.
        auto range = coir::as_completed(std::vector{value_after(1s, 1), value_after(2s, 2)});
        auto first = coir::create_task([&] { return coir::await(*range.begin()); });
        coir::yield_now();
        CHECK_THROWS_AS(range.begin(), coir::InvalidStateError);
        CHECK(coir::await(first) == 1);
        CHECK(values_of(range) == std::vector{2});
    });
    CHECK_THROWS_AS(coir::as_completed(std::vector<std::function<void()>>()), std::logic_error);
}

TEST_CASE("rule 135: a range that is destroyed in a callback cancels, and joins nothing") {
    on_every_order([] {
        bool ended = false;
        std::vector<std::function<void()>> jobs(1, [&] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                ended = true;
                throw;
            }
        });
        std::optional range(coir::as_completed(jobs));
        coir::sleep(1s);
        coir::get_running_loop().call_soon([&] { range.reset(); });
        coir::sleep(1s);
        CHECK(ended);
    });
}

TEST_CASE("rule 135: a range that is destroyed under a task's step tells the task so") {
    on_every_order([] {
        auto pending = coir::create_future<int>();
        for (const bool timed : {false, true}) {
            std::optional range(coir::as_completed(std::vector{pending}, timed ? 1h : 2h));
            auto stepping = coir::create_task(
                [&] { CHECK_THROWS_AS(range->begin(), coir::InvalidStateError); });
            coir::sleep(1s);
            range.reset();
            if (timed) stepping.cancel();  // it has been woken: the request stays
            coir::await(stepping);
        }
        CHECK_FALSE(pending.done());
    });
}

#if !defined(__clang__) || __clang_major__ >= 16  // older ones cannot compile libstdc++'s views
TEST_CASE("rule 133: a view of a range, and one made on the way") {
    on_every_order([] {
        int made = 0;
        auto delays = std::vector{3, 1, 2};
        auto tasks = delays | std::views::transform([&](int delay) {
                         ++made;
                         return value_after(delay * 1s, delay);
                     });
        std::vector<int> got;
        auto range = coir::as_completed(tasks);
        for (auto& task : range | std::views::take(2)) got.push_back(coir::await(task));
        CHECK(got == std::vector{1, 2});
        CHECK(made == 3);
    });
}
#endif
