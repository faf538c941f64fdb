// SPDX-License-Identifier: BSL-1.0
// Context variables: semantics.md §2.7, rule 29, decision D36.
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
#include <coir/thread.hpp>
#include <coir/thread_future.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;
using coir_test::sim_options;

namespace {

coir::ContextVar<int> number("number", 0);
coir::ContextVar<std::string> word("word");

}  // namespace

TEST_CASE("rule 97: a task begins with a copy of its creator's context; later writes stay apart") {
    on_every_order([] {
        number.set(1);
        std::string seen;
        auto child = coir::create_task([&] {
            seen += std::to_string(number.get());
            number.set(10);
            coir::sleep(2ms);
            seen += std::to_string(number.get());
        });
        number.set(2);
        coir::sleep(1ms);
        CHECK(number.get() == 2);
        coir::await(child);
        CHECK(number.get() == 2);
        CHECK(seen == "110");
    });
}

TEST_CASE("rule 97: what a child of a child sees was set by either, in groups and gather too") {
    run_on_sim([] {
        word.set("main");
        coir::with_task_group([](coir::TaskGroup& group) {
            group.create_task([] {
                CHECK(word.get() == "main");
                word.set("child");
                CHECK(coir::gather([] { return word.get(); }, [] {
                          word.set("grandchild");
                          return word.get();
                      }) == std::tuple<std::string, std::string>("child", "grandchild"));
                CHECK(word.get() == "child");
            });
        });
        CHECK(word.get() == "main");
        // In place: the same task.
        coir::with_timeout(1s, [] { word.set("with_timeout"); });
        CHECK(word.get() == "with_timeout");
    });
}

TEST_CASE("rule 97: callbacks have the context of when they were queued, and their own from then on") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        std::vector<int> seen;
        auto note = [&seen] {
            seen.push_back(number.get());
            number.set(100);
            coir::get_running_loop().call_soon([&seen] { seen.push_back(number.get()); });
        };
        number.set(1);
        loop.call_soon(note);
        number.set(2);
        loop.call_later(1ms, note);
        number.set(3);
        loop.call_at(loop.time() + 2ms, note);
        number.set(4);
        loop.call_soon_threadsafe(note);
        number.set(5);
        coir::sleep(10ms);
        CHECK(seen == std::vector<int>{1, 4, 100, 100, 2, 100, 3, 100});
        CHECK(number.get() == 5);
    });
}

TEST_CASE("rule 97: a post from another thread brings that thread's context") {
    coir_test::run_in_loop([] {
        number.set(1);
        auto& loop = coir::get_running_loop();
        auto future = coir::create_future<int>();
        std::thread([&loop, future] {
            number.set(2);
            loop.call_soon_threadsafe([future] { future.set_result(number.get()); });
            number.set(3);
        }).join();
        CHECK(coir::await(future) == 2);
        CHECK(number.get() == 1);
    });
}

TEST_CASE("rule 97: a task that another thread starts has a copy of that thread's context") {
    for (const bool eager : {false, true}) {
        coir::RunOptions options = coir_test::options();
        options.eager_tasks = eager;
        coir_test::run_in_loop(
            [] {
                number.set(1);
                auto& loop = coir::get_running_loop();
                const int seen = coir::to_thread([&loop] {
                    number.set(2);
                    auto quick = coir::run_task_threadsafe(loop, [] { return number.get(); });
                    auto slow = coir::run_task_threadsafe(loop, [] {
                        coir::sleep(1ms);
                        return number.get();
                    });
                    return quick.get() * 10 + slow.get();
                });
                CHECK(seen == 22);
                CHECK(number.get() == 1);
            },
            options);
    }
}

TEST_CASE("rule 98: done callbacks run in the context of their registration") {
    run_on_sim([] {
        std::vector<int> seen;
        auto future = coir::create_future<void>();
        auto note = [&seen] {
            seen.push_back(number.get());
            number.set(-1);
        };
        number.set(1);
        future.add_done_callback(note);
        number.set(2);
        future.add_done_callback(note);
        number.set(3);
        auto task = coir::create_task([] { number.set(99); });
        task.add_done_callback(note);
        future.set_result();
        coir::await(task);
        task.add_done_callback(note);
        coir::sleep(1ms);
        CHECK(seen == std::vector<int>{1, 2, 3, 3});
        CHECK(number.get() == 3);
    });
}

TEST_CASE("rule 99: 100 interleaving tasks keep their own values") {
    on_every_order([] {
        std::vector<coir::Task<bool>> tasks;
        for (int i = 0; i < 100; ++i) {
            tasks.push_back(coir::create_task([i] {
                bool right = true;
                for (int step = 0; step < 10; ++step) {
                    number.set(i * 1000 + step);
                    if (i % 3 == 0) {
                        coir::yield_now();
                    } else {
                        coir::sleep(std::chrono::microseconds((i * 7 + step) % 13));
                    }
                    right = right && number.get() == i * 1000 + step;
                }
                return right;
            }));
        }
        for (auto& task : tasks) CHECK(coir::await(task));
        CHECK(number.get() == 0);
    });
}

TEST_CASE("rule 100: tasks that are given one context share it") {
    run_on_sim([] {
        number.set(1);
        coir::TaskOptions options;
        options.context = coir::copy_context();
        number.set(2);
        auto first = coir::create_task(options, [] {
            const int before = number.get();
            number.set(10);
            coir::sleep(2ms);
            return before * 1000 + number.get();
        });
        coir::sleep(1ms);
        auto second = coir::create_task(options, [] {
            const int before = number.get();
            number.set(20);
            // Tasks that are made in a shared context get a copy of it.
            coir::await(coir::create_task([] { number.set(number.get() + 1); }));
            return before * 1000 + number.get();
        });
        CHECK(coir::await(second) == 10020);
        CHECK(coir::await(first) == 1020);
        CHECK(number.get() == 2);
        CHECK(options.context.get(number) == 20);
        CHECK_FALSE(options.context.get(word));
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task(options, [] { number.set(number.get() + 5); });
        });
        CHECK(options.context.get(number) == 25);
    });
}

TEST_CASE("rule 100: Context objects: empty, new, copied, entered") {
    run_on_sim([] {
        coir::Context none;
        CHECK_FALSE(none);
        CHECK_FALSE(none.get(number));
        number.set(1);
        coir::Context here = coir::copy_context();
        const coir::Context same = here;
        CHECK(same == here);
        CHECK_FALSE(here.copy() == here);
        const int left = here.run([] {
            CHECK(number.get() == 1);
            number.set(2);
            coir::sleep(1ms);  // the context is the task's across its waits
            return number.get();
        });
        CHECK(left == 2);
        CHECK(number.get() == 1);
        CHECK(same.get(number) == 2);
        coir::Context copy = here.copy();
        copy.run([] { number.set(3); });
        CHECK(here.get(number) == 2);
        CHECK(copy.get(number) == 3);
        CHECK_THROWS_AS(copy.run([] {
            number.set(4);
            throw std::range_error("out of it");
        }),
                        std::range_error);
        CHECK(number.get() == 1);
        CHECK(copy.get(number) == 4);
        none.run([] {
            CHECK(number.get() == 0);
            number.set(5);
        });
        CHECK(none.get(number) == 5);
        CHECK_FALSE(coir::new_context().get(number));
        // One inside the other, and the same one twice.
        copy.run([&] {
            none.run([&] { copy.run([] { number.set(number.get() + 1); }); });
            CHECK(number.get() == 5);
        });
    });
}

TEST_CASE("rule 101: the runs of a Runner share one context, which begins as the thread's") {
    const auto outside = number.set(7);
    std::optional<coir::ContextVar<int>::Token> token;
    {
        coir::Runner runner(sim_options());
        runner.run([&] {
            CHECK(number.get() == 7);
            token = number.set(8);
        });
        CHECK(number.get() == 7);
        number.set(70);
        runner.run([&] {
            CHECK(number.get() == 8);
            number.reset(*token);
            CHECK(number.get() == 7);
            word.set("left");
        });
        CHECK_THROWS_AS(runner.run([] { throw std::runtime_error("failed"); }), std::runtime_error);
        CHECK(runner.run([] { return word.get(); }) == "left");
    }
    CHECK(number.get() == 70);
    CHECK(word.get("none") == "none");
    // Every run() by itself begins with the thread's.
    CHECK(coir::run([] { return word.get("fresh"); }, sim_options()) == "fresh");
    number.reset(outside);
    CHECK(number.get() == 0);
}

TEST_CASE("rule 102: to_thread sees the caller's context, and keeps its writes to itself") {
    run_on_sim([] {
        number.set(1);
        const int seen = coir::to_thread([] {
            const int before = number.get();
            number.set(2);
            return before * 10 + number.get();
        });
        CHECK(seen == 12);
        CHECK(number.get() == 1);
        CHECK(coir::to_thread([] { return word.get("nothing left over"); }) == "nothing left over");
        // A loop in the thread begins with what the thread has.
        number.set(3);
        CHECK(coir::to_thread([] {
                  return coir::run([] { return number.get(); }, sim_options());
              }) == 3);
    });
}

TEST_CASE("rule 29: the exception handler runs in the context of the task or callback that failed") {
    coir::Runner runner(sim_options());
    std::vector<std::string> seen;
    runner.loop().set_exception_handler([&](const coir::ExceptionContext& context) {
        seen.push_back(context.message + ": " + word.get("none"));
        word.set("written by the handler");
    });
    runner.run([] {
        word.set("main");
        auto& loop = coir::get_running_loop();
        auto future = coir::create_future<void>();
        future.add_done_callback([] {
            word.set("done");
            throw std::runtime_error("d");
        });
        word.set("later");
        loop.call_soon([] {
            word.set("callback");
            throw std::runtime_error("c");
        });
        loop.call_soon([] { throw std::runtime_error("c"); });
        coir::TaskOptions options;
        options.name = "T";
        coir::spawn_detached(options, [] {
            word.set("detached");
            throw std::runtime_error("t");
        });
        {
            auto dropped = coir::create_task(options, [] {
                word.set("dropped");
                throw std::runtime_error("t");
            });
            coir::sleep(1ms);
        }
        future.set_result();
        coir::sleep(1ms);
        CHECK(word.get() == "later");
    });
    CHECK(seen == std::vector<std::string>{
                      "exception in a callback: callback", "exception in a callback: later",
                      "exception in task 'T' was never retrieved: detached",
                      "exception in task 'T' was never retrieved: dropped",
                      "exception in a done callback: done"});
}

TEST_CASE("D36: get, defaults, tokens, and what is refused") {
    run_on_sim([] {
        CHECK(word.name() == "word");
        CHECK_THROWS_AS(word.get(), std::out_of_range);
        try {
            static_cast<void>(word.get());
        } catch (const std::out_of_range& error) {
            CHECK(std::string(error.what()).find("'word'") != std::string::npos);
        }
        CHECK(word.get("fallback") == "fallback");
        CHECK(number.get() == 0);
        CHECK(number.get(5) == 5);

        const auto first = word.set("one");
        CHECK_FALSE(first.old_value());
        const auto second = word.set("two");
        CHECK(second.old_value() == "one");
        word.reset(second);
        CHECK(word.get() == "one");
        CHECK_THROWS_AS(word.reset(second), coir::InvalidStateError);
        word.reset(first);
        CHECK_THROWS_AS(word.get(), std::out_of_range);

        coir::ContextVar<int> other("other");
        const auto token = number.set(1);
        CHECK_THROWS_AS(other.reset(token), std::invalid_argument);
        coir::await(coir::create_task([&] {
            CHECK_THROWS_AS(number.reset(token), std::invalid_argument);
            number.set(2);
            CHECK_THROWS_AS(number.reset(token), std::invalid_argument);
        }));
        coir::copy_context().run(
            [&] { CHECK_THROWS_AS(number.reset(token), std::invalid_argument); });
        CHECK(number.get() == 1);
        number.reset(token);
        CHECK(number.get() == 0);
    });
}

namespace {

struct Counted {
    explicit Counted(int& alive) : alive_(&alive), thread_(std::this_thread::get_id()) { ++alive; }
    Counted(const Counted& other) : alive_(other.alive_), thread_(other.thread_) { ++*alive_; }
    Counted& operator=(const Counted&) = delete;
    ~Counted() {
        --*alive_;
        if (std::this_thread::get_id() != thread_) *alive_ += 1000;
    }

private:
    int* alive_;
    std::thread::id thread_;
};

}  // namespace

TEST_CASE("D36: values are shared, not copied; they go with the last context, on the loop's thread") {
    static coir::ContextVar<std::shared_ptr<Counted>> counted("counted", nullptr);
    static coir::ContextVar<Counted> direct("direct");
    int alive = 0;
    run_on_sim([&] {
        coir::await(coir::create_task([&] {
            direct.set(Counted(alive));
            CHECK(alive == 1);
            std::vector<coir::Task<void>> tasks;
            for (int i = 0; i < 50; ++i) tasks.push_back(coir::create_task([] { coir::sleep(1ms); }));
            coir::sleep(500us);
            CHECK(alive == 1);  // in 51 contexts
            coir::to_thread([] { static_cast<void>(number.set(4)); });
            CHECK(alive == 1);
            direct.set(Counted(alive));
            CHECK(alive == 2);  // they have the first one yet
            for (auto& task : tasks) coir::await(task);
            CHECK(alive == 1);
        }));
        CHECK(alive == 0);  // though the task's handle was kept until the await
        auto kept = coir::create_task([&] { counted.set(std::make_shared<Counted>(alive)); });
        coir::await(kept);
        CHECK(alive == 0);
        coir::get_running_loop().call_soon([&] { direct.set(Counted(alive)); });
        coir::sleep(1ms);
        CHECK(alive == 0);
        // Replaced and dropped while nobody else has it.
        for (int i = 0; i < 10; ++i) direct.set(Counted(alive));
        CHECK(alive == 1);
    });
    CHECK(alive == 0);
}

TEST_CASE("D36: threads outside of loops have contexts of their own") {
    const auto token = number.set(1);
    int there = -1;
    std::thread([&there] {
        there = number.get();
        number.set(2);
    }).join();
    CHECK(there == 0);
    CHECK(number.get() == 1);
    number.reset(token);
}

TEST_CASE("D36: many variables, set and reset in any order") {
    run_on_sim([] {
        std::vector<std::unique_ptr<coir::ContextVar<int>>> variables;
        for (int i = 0; i < 50; ++i) {
            variables.push_back(std::make_unique<coir::ContextVar<int>>("v" + std::to_string(i), -1));
        }
        std::vector<coir::ContextVar<int>::Token> tokens;
        for (int i = 49; i >= 0; --i) tokens.push_back(variables[static_cast<size_t>(i)]->set(i));
        for (int i = 0; i < 50; ++i) CHECK(variables[static_cast<size_t>(i)]->get() == i);
        for (int i = 0; i < 50; i += 2) {
            variables[static_cast<size_t>(i)]->reset(tokens[static_cast<size_t>(49 - i)]);
        }
        for (int i = 0; i < 50; ++i) {
            CHECK(variables[static_cast<size_t>(i)]->get() == (i % 2 == 0 ? -1 : i));
        }
    });
}
