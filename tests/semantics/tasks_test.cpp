// SPDX-License-Identifier: BSL-1.0
// Starting, naming and ending tasks: semantics.md §2.4, decisions D10, D14, D19, D22, D23.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/task.hpp>

#include <algorithm>
#include <cerrno>
#include <cfenv>
#include <chrono>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;
using coir_test::sim_options;

TEST_CASE("rule 52: create_task runs nothing; first steps follow in the order of creation") {
    run_on_sim([] {
        std::string order;
        std::vector<coir::Task<void>> tasks;
        for (char name = 'a'; name <= 'e'; ++name) {
            tasks.push_back(coir::create_task([&order, name] { order += name; }));
        }
        CHECK(order.empty());
        coir::yield_now();
        CHECK(order == "abcde");
    });
}

TEST_CASE("rule 53: done, result, exception and cancelled agree with each other") {
    run_on_sim([] {
        auto value = coir::create_task([] { return 4; });
        auto error = coir::create_task([]() -> int { throw std::range_error("e"); });
        auto cancelled = coir::create_task([]() -> int { throw coir::CancelledError("c"); });
        for (const auto* task : {&value, &error, &cancelled}) {
            CHECK_FALSE(task->done());
            CHECK_FALSE(task->cancelled());
            CHECK_THROWS_AS(task->result(), coir::InvalidStateError);
            CHECK_THROWS_AS(task->exception(), coir::InvalidStateError);
        }
        coir::yield_now();
        for (const auto* task : {&value, &error, &cancelled}) CHECK(task->done());
        CHECK(value.result() == 4);
        CHECK(value.exception() == nullptr);
        CHECK_FALSE(value.cancelled());
        CHECK_THROWS_AS(error.result(), std::range_error);
        CHECK(error.exception() != nullptr);
        CHECK_FALSE(error.cancelled());
        CHECK_THROWS_AS(cancelled.result(), coir::CancelledError);
        CHECK_THROWS_AS(cancelled.exception(), coir::CancelledError);
        CHECK(cancelled.cancelled());
    });
}

TEST_CASE("rule 54: unnamed tasks get names of their own; names can be given and changed") {
    run_on_sim([] {
        std::set<std::string> names;
        std::set<std::uint64_t> ids;
        std::vector<coir::Task<void>> tasks;
        for (int i = 0; i < 100; ++i) {
            tasks.push_back(coir::create_task([] {}));
            names.insert(tasks.back().name());
            ids.insert(tasks.back().id());
        }
        CHECK(names.size() == 100);
        CHECK(ids.size() == 100);
        coir::TaskOptions options;
        options.name = "worker";
        auto named = coir::create_task(options, [] { return coir::current_task().name(); });
        CHECK(named.name() == "worker");
        CHECK(named.ref().name() == "worker");
        named.set_name("renamed");
        CHECK(coir::await(named) == "renamed");
        CHECK(named.name() == "renamed");  // also afterwards
    });
}

namespace {
template <class Handle>
concept Settable = requires(Handle handle) { handle.set_result(1); } ||
                   requires(Handle handle) { handle.set_exception(std::exception_ptr()); };
}  // namespace

TEST_CASE("rule 55: nobody but its function sets a task's result") {
    STATIC_REQUIRE(Settable<coir::Future<int>>);
    STATIC_REQUIRE_FALSE(Settable<coir::Task<int>>);
}

TEST_CASE("rule 56: current_task is the running task before and after every suspension") {
    on_every_order([] {
        auto body = [](const coir::Task<void>* self) {
            for (int i = 0; i < 20; ++i) {
                CHECK(coir::current_task() == self->ref());
                if (i % 3 == 0) {
                    coir::sleep(1ms);
                } else {
                    coir::yield_now();
                }
                CHECK(coir::current_task() == self->ref());
            }
        };
        const coir::TaskRef main = coir::current_task();
        CHECK(main.name() == "main");
        coir::Task<void> tasks[5];
        for (auto& task : tasks) task = coir::create_task(body, &task);
        bool outside_was_empty = false;
        coir::get_running_loop().call_soon([&] { outside_was_empty = !coir::current_task(); });
        for (auto& task : tasks) coir::await(task);
        CHECK(coir::current_task() == main);
        CHECK(outside_was_empty);
    });
    CHECK_FALSE(coir::current_task());
}

TEST_CASE("rule 57, D33: all_tasks lists exactly the unfinished tasks, oldest first") {
    coir::EventLoop other(sim_options());
    run_on_sim([&] {
        const coir::TaskRef main = coir::current_task();
        CHECK(coir::all_tasks() == std::vector<coir::TaskRef>{main});
        auto a = coir::create_task([] { coir::sleep(3s); });
        auto b = coir::create_task([] { coir::sleep(1s); });
        auto c = coir::create_task([] { coir::sleep(2s); });
        CHECK(coir::all_tasks() == std::vector<coir::TaskRef>{main, a.ref(), b.ref(), c.ref()});
        coir::sleep(1500ms);
        CHECK(coir::all_tasks() == std::vector<coir::TaskRef>{main, a.ref(), c.ref()});
        c.cancel();
        CHECK(coir::all_tasks().size() == 3);  // not unwound yet
        coir::yield_now();
        CHECK(coir::all_tasks() == std::vector<coir::TaskRef>{main, a.ref()});
        auto foreign = other.create_task([] {});
        CHECK(coir::all_tasks().size() == 2);
        coir::await(a);
        CHECK(coir::all_tasks() == std::vector<coir::TaskRef>{main});
    });
}

TEST_CASE("rule 58, B48: a task that awaits itself gets an error") {
    run_on_sim([] {
        coir::Task<int> self;
        self = coir::create_task([&]() -> int {
            CHECK_THROWS_AS(coir::await(self), coir::InvalidStateError);
            return 3;
        });
        CHECK(coir::await(self) == 3);
    });
}

TEST_CASE("B48: a task that awaits whoever waits for it gets an error") {
    run_on_sim([] {
        for (int length : {2, 3, 10}) {
            std::vector<coir::Task<int>> ring(static_cast<std::size_t>(length));
            for (int i = 0; i < length; ++i) {
                ring[static_cast<std::size_t>(i)] = coir::create_task([&, i] {
                    return coir::await(ring[static_cast<std::size_t>((i + 1) % length)]) + 1;
                });
            }
            // The last one closes the ring, and its error travels back along it.
            CHECK_THROWS_AS(coir::await(ring[0]), coir::InvalidStateError);
            for (auto& task : ring) CHECK(task.exception() != nullptr);
        }
    });
}

TEST_CASE("B48: a ring of waiting tasks that is too long to be seen is a named deadlock") {
    std::string text;
    static constexpr std::size_t length = 500;
    std::vector<coir::Task<void>> ring(length);  // outlives the tasks, which refer to it
    coir::RunOptions options = sim_options();
    options.stack_size = 64 * 1024;
    try {
        coir::run(
            [&] {
                for (std::size_t i = 0; i < length; ++i) {
                    ring[i] = coir::create_task([&ring, i] { coir::await(ring[(i + 1) % length]); });
                }
                coir::await(ring[0]);
            },
            options);
    } catch (const coir::DeadlockError& error) {
        text = error.what();
    }
    CHECK(text.find("task 'main' waits: the end of 'Task-") != std::string::npos);
    // Closing the loop cancelled along the ring, neither recursing nor going round for ever.
    std::size_t cancelled = 0;
    for (const auto& task : ring) cancelled += task.cancelled();
    CHECK(cancelled == length);
}

TEST_CASE("rule 61, D10: dropping the last handle neither cancels nor ends a task") {
    run_on_sim([] {
        int progress = 0;
        {
            auto dropped = coir::create_task([&] {
                for (int i = 0; i < 10; ++i) {
                    coir::sleep(1s);
                    ++progress;
                }
            });
            coir::sleep(1500ms);
        }
        CHECK(progress == 1);
        CHECK(coir::all_tasks().size() == 2);
        coir::sleep(20s);
        CHECK(progress == 10);
        CHECK(coir::all_tasks().size() == 1);
    });
}

TEST_CASE("rule 61, D10: a handle outlives its loop") {
    coir::Task<std::string> task;
    coir::Task<int> failed;
    coir::TaskRef ref;
    run_on_sim([&] {
        task = coir::create_task([] { return std::string(100, 'x'); });
        failed = coir::create_task([]() -> int { throw std::range_error("kept"); });
        ref = task.ref();
        coir::yield_now();
    });
    CHECK(task.result().size() == 100);
    CHECK(ref.done());
    CHECK_FALSE(task.cancel());
    CHECK_THROWS_WITH(failed.result(), "kept");
}

TEST_CASE("rule 62: the stack of a suspended task can be printed, and says why it waits") {
    run_on_sim([] {
        auto printed = [](const coir::Task<void>& task) {
            std::ostringstream out;
            task.print_stack(out);
            return out.str();
        };
        auto lines = [](const std::string& text) {
            return std::count(text.begin(), text.end(), '\n');
        };
        coir::TaskOptions options;
        options.name = "sleeper";
        auto task = coir::create_task(options, [] { coir::sleep(1h); });
        CHECK(printed(task).find("task 'sleeper'") == 0);
        CHECK(printed(task).find("not started") != std::string::npos);
        CHECK(lines(printed(task)) == 2);  // the second one: where it was created
        coir::yield_now();
        CHECK(printed(task).find("waits: sleep") != std::string::npos);
        CHECK(lines(printed(task)) > 3);
        task.cancel();
        coir::yield_now();
        CHECK(printed(task).find("done") != std::string::npos);
        CHECK(lines(printed(task)) == 2);
    });
}

TEST_CASE("rule 63: sleep(0) and negative sleeps cost one pass of the ready queue") {
    run_on_sim([] {
        const auto start = coir::get_running_loop().time();
        std::string order;
        auto other = coir::create_task([&] {
            for (int i = 0; i < 3; ++i) {
                order += 'o';
                coir::yield_now();
            }
        });
        order += '1';
        coir::sleep(0s);
        order += '2';
        coir::sleep(-5s);
        order += '3';
        coir::sleep_until(start);
        order += '4';
        CHECK(order == "1o2o3o4");
        CHECK(coir::get_running_loop().time() == start);
        coir::await(other);
    });
}

TEST_CASE("rule 64: sleeping takes exactly as long in virtual time") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        coir::sleep(100ms);
        coir::sleep_for(0.25s);
        coir::sleep(1ns);
        coir::sleep_until(start + 1h);
        CHECK(loop.time() - start == 1h);
        coir::sleep(1.5h);
        CHECK(loop.time() - start == 150min);
    });
}

TEST_CASE("rule 65, D33: equal sleeps wake in the order of their start") {
    run_on_sim([] {
        std::vector<int> order;
        std::vector<coir::Task<void>> tasks;
        for (int i = 0; i < 100; ++i) {
            tasks.push_back(coir::create_task([&order, i] {
                coir::sleep(1s);
                order.push_back(i);
            }));
        }
        for (auto& task : tasks) coir::await(task);
        REQUIRE(order.size() == 100);
        CHECK(std::is_sorted(order.begin(), order.end()));
    });
}

TEST_CASE("rule 66, B85: a create_task that fails leaves nothing half-registered") {
    run_on_sim([] {
        auto token = std::make_shared<int>(1);
        const auto created = coir::get_running_loop().metrics().tasks_created;
        coir::TaskOptions tiny, huge;
        tiny.stack_size = 1;
        huge.stack_size = std::size_t{1} << 60;
        for (const auto& options : {tiny, huge}) {
            CHECK_THROWS_AS(static_cast<void>(coir::create_task(options, [token] {})),
                            std::invalid_argument);
        }
        struct Throwing {
            Throwing() = default;
            Throwing(const Throwing&) { throw std::range_error("copy"); }
        } throwing;
        CHECK_THROWS_AS(static_cast<void>(coir::create_task(
                            [token](const Throwing&) {}, throwing)),
                        std::range_error);
        CHECK(token.use_count() == 1);
        CHECK(coir::all_tasks().size() == 1);
        CHECK(coir::get_running_loop().metrics().tasks_created == created);
        coir::sleep(1s);  // nothing strange is in the queue
    });
}

TEST_CASE("D14: callable and arguments are destroyed in the task, before its done callbacks") {
    run_on_sim([] {
        struct Witness {
            std::vector<std::string>* log;
            coir::TaskRef* task;
            Witness(std::vector<std::string>* to, coir::TaskRef* in) : log(to), task(in) {}
            Witness(Witness&& other) noexcept : log(std::exchange(other.log, nullptr)),
                                                task(other.task) {}
            ~Witness() {
                if (log) {
                    log->push_back(coir::current_task() == *task ? "destroyed in task"
                                                                 : "destroyed elsewhere");
                }
            }
        };
        for (bool cancelled : {true, false}) {
            std::vector<std::string> log;
            coir::TaskRef ref;
            auto task = coir::create_task(
                [witness = Witness(&log, &ref), &log](const Witness&) { log.push_back("entered"); },
                Witness(&log, &ref));
            ref = task.ref();
            task.add_done_callback([&] { log.push_back("done callback"); });
            if (cancelled) task.cancel();
            coir::sleep(1s);
            std::vector<std::string> expected;
            if (!cancelled) expected.push_back("entered");
            expected.insert(expected.end(),
                            {"destroyed in task", "destroyed in task", "done callback"});
            CHECK(log == expected);
            CHECK(task.cancelled() == cancelled);
        }
    });
}

TEST_CASE("D11, D12: arguments are decay-copied, std::ref shares, move-only things move") {
    run_on_sim([] {
        int shared = 0;
        std::string text = "before";
        auto task = coir::create_task(
            [](const std::string& copy, int& reference, std::unique_ptr<int> owned, const char* literal) {
                ++reference;
                return std::make_unique<std::string>(copy + std::to_string(*owned) + literal);
            },
            text, std::ref(shared), std::make_unique<int>(4), "!");
        text = "after";
        std::unique_ptr<std::string> result = coir::await(std::move(task));
        CHECK(*result == "before4!");
        CHECK(shared == 1);
        auto reference = coir::create_task([&]() -> int& { return shared; });
        CHECK(&coir::await(reference) == &shared);
    });
}

TEST_CASE("D19, B22, B29: errno and the rounding mode belong to a task") {
    on_every_order([] {
        auto body = [](int number, int rounding) {
            CHECK(std::fegetround() == FE_TONEAREST);
            std::fesetround(rounding);
            for (int i = 0; i < 20; ++i) {
                errno = number;
                coir::yield_now();
                CHECK(errno == number);
                CHECK(std::fegetround() == rounding);
            }
            std::fesetround(FE_TONEAREST);
        };
        auto a = coir::create_task(body, 7, FE_UPWARD);
        auto b = coir::create_task(body, 8, FE_DOWNWARD);
        auto c = coir::create_task(body, 9, FE_TONEAREST);
        coir::await(a);
        coir::await(b);
        coir::await(c);
    });
}

TEST_CASE("D19, B23: a task never changes its thread") {
    run_on_sim([] {
        const auto here = std::this_thread::get_id();
        auto task = coir::create_task([&] {
            for (int i = 0; i < 10; ++i) {
                CHECK(std::this_thread::get_id() == here);
                coir::sleep(1ms);
            }
        });
        coir::await(task);
    });
}

TEST_CASE("D23: calls that need not wait yield once in 128") {
    run_on_sim([] {
        auto ready = coir::create_future<int>();
        ready.set_result(1);
        int other_steps = 0;
        bool stop = false;
        auto other = coir::create_task([&] {
            while (!stop) {
                ++other_steps;
                coir::yield_now();
            }
        });
        coir::yield_now();
        const int before = other_steps;
        for (int i = 0; i < 1280; ++i) coir::await(ready);
        CHECK(other_steps - before == 10);
        for (int i = 0; i < 1280; ++i) coir::checkpoint();
        CHECK(other_steps - before == 20);
        stop = true;
        coir::await(other);
    });
}
