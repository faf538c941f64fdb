// SPDX-License-Identifier: BSL-1.0
// Tasks, futures, combinators, time.
#include "scenario.hpp"

#include <coir/as_completed.hpp>
#include <coir/context.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/future.hpp>
#include <coir/gather.hpp>
#include <coir/lazy.hpp>
#include <coir/race.hpp>
#include <coir/shield.hpp>
#include <coir/task.hpp>
#include <coir/task_group.hpp>
#include <coir/wait.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace coir_faults {
namespace {

using namespace std::chrono_literals;
using Options = coir::RunOptions;

struct CountsItsEnd {
    int& ends;
    ~CountsItsEnd() { ++ends; }
};

void run(const Options& options) {
    expect(coir::run([] { return 7; }, options) == 7, "the result of run()");
}

void runner_twice(const Options& options) {
    coir::Runner runner(options);
    int sum = 0;
    runner.run([&] { sum += 1; });
    runner.run([&] { sum += 2; });
    runner.close();
    expect(sum == 3, "both main functions ran");
}

void create_task(const Options& options) {
    in_loop(options, [] {
        auto a = coir::create_task([] { return std::string(100, 'a'); });
        auto b = coir::create_task([] {
            coir::yield_now();
            return 5;
        });
        expect(coir::await(b) == 5, "the second task's result");
        expect(coir::await(std::move(a)).size() == 100, "the first task's result");
    });
}

void many_tasks(const Options& options) {
    in_loop(options, [] {
        int sum = 0;
        std::vector<coir::Task<void>> tasks;
        for (int i = 1; i <= 40; ++i) {
            tasks.push_back(coir::create_task([&sum, i] {
                coir::yield_now();
                sum += i;
            }));
        }
        coir::gather(std::move(tasks));
        expect(sum == 820, "every task ran");
    });
}

void big_stack(const Options& options) {
    in_loop(options, [] {
        coir::TaskOptions big;
        big.stack_size = 4u << 20;
        big.name = "a task with a long name and a large stack of its own";
        auto task = coir::create_task(big, [] { return 1; });
        expect(coir::await(task) == 1, "the result");
    });
}

void task_error(const Options& options) {
    in_loop(options, [] {
        auto task = coir::create_task([]() -> int { throw std::out_of_range("thrown by the task"); });
        try {
            coir::await(task);
            expect(false, "an error is thrown by await");
        } catch (const std::out_of_range& error) {
            expect(std::string(error.what()) == "thrown by the task", "the task's own error");
        }
    });
}

void gather(const Options& options) {
    in_loop(options, [] {
        auto [a, b, c] = coir::gather([] { return 1; },
                                      [] {
                                          coir::sleep(1us);
                                          return std::string("two");
                                      },
                                      [] {
                                          coir::yield_now();
                                          return 3.0;
                                      });
        expect(a == 1 && b == "two" && c == 3.0, "all results");
    });
}

void gather_failing(const Options& options) {
    in_loop(options, [] {
        bool cleaned = false;
        try {
            coir::gather(
                [&] {
                    struct Clean {
                        bool& done;
                        ~Clean() { done = true; }
                    } clean{cleaned};
                    coir::sleep(1h);
                },
                [] {
                    coir::yield_now();
                    throw std::out_of_range("one of them");
                });
            expect(false, "gather throws");
        } catch (const std::out_of_range&) {
            expect(cleaned, "the other one has ended");
        }
    });
}

void gather_settled(const Options& options) {
    in_loop(options, [] {
        auto [a, b] = coir::gather_settled([] { return 1; }, []() -> int { throw std::out_of_range("x"); });
        if (a.has_value()) expect(a.value() == 1, "the value");
        expect(!b.has_value(), "the error");
    });
}

void wait_for(const Options& options) {
    in_loop(options, [] {
        expect(coir::wait_for([] { return 4; }, 1h) == 4, "a result in time");
        try {
            coir::wait_for([] { coir::sleep(1h); }, 1us);
            expect(false, "wait_for throws");
        } catch (const coir::TimeoutError&) {
        }
    });
}

void move_on_after(const Options& options) {
    in_loop(options, [] {
        expect(!coir::move_on_after(1us, [] { coir::sleep(1h); }), "it moved on");
        expect(coir::move_on_after(1h, [] { return 2; }) == 2, "a result in time");
    });
}

void task_group(const Options& options) {
    in_loop(options, [] {
        int sum = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 1; i <= 5; ++i) {
                group.create_task([&sum, i] {
                    coir::yield_now();
                    sum += i;
                });
            }
        });
        expect(sum == 15, "all children ran");
    });
}

void task_group_failing(const Options& options) {
    in_loop(options, [] {
        int ended = 0;
        try {
            coir::with_task_group([&](coir::TaskGroup& group) {
                for (int i = 0; i < 3; ++i) {
                    group.create_task([&ended] {
                        const CountsItsEnd count{ended};
                        coir::sleep(1h);
                    });
                }
                coir::yield_now();
                group.create_task([] { throw std::out_of_range("child"); });
            });
            expect(false, "the group throws");
        } catch (const coir::ExceptionGroup&) {
            expect(ended <= 3, "each child ended at most once");
        }
    });
}

void wait(const Options& options) {
    in_loop(options, [] {
        auto slow = coir::create_task([] { coir::sleep(1h); });
        auto quick = coir::create_task([] {});
        auto sets = coir::wait({slow, quick}, coir::ReturnWhen::first_completed);
        // Where there was no stack for it, the slow one has failed first.
        if (slow.done()) coir::await(slow);
        expect(sets.done.size() == 1 && sets.done[0] == quick, "the quick one is done");
        slow.cancel();
    });
}

void as_completed(const Options& options) {
    in_loop(options, [] {
        std::vector<std::function<int()>> jobs;
        jobs.push_back([] {
            coir::sleep(1ms);
            return 1;
        });
        jobs.push_back([] { return 2; });
        int sum = 0;
        for (auto& task : coir::as_completed(std::move(jobs))) sum += coir::await(task);
        expect(sum == 3, "all results came");
    });
}

void race(const Options& options) {
    in_loop(options, [] {
        const int first = coir::race(
            [] {
                coir::sleep(1h);
                return 1;
            },
            [] { return 2; });
        expect(first == 2, "the first one won");
    });
}

void shield(const Options& options) {
    in_loop(options, [] {
        auto inner = coir::create_task([] {
            coir::yield_now();
            coir::yield_now();
            return 9;
        });
        auto waiter = coir::create_task([&] { return coir::await(coir::shield(inner)); });
        coir::yield_now();
        waiter.cancel();
        try {
            coir::await(waiter);
        } catch (const coir::TaskCancelledError&) {
        }
        expect(coir::await(inner) == 9, "the shielded task went on");
    });
}

void cancel(const Options& options) {
    in_loop(options, [] {
        bool cleaned = false;
        auto task = coir::create_task([&] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                coir::no_cancel([] { coir::sleep(1us); });
                cleaned = true;
                throw;
            }
        });
        coir::yield_now();
        task.cancel("a reason that is longer than a short string can hold in itself");
        try {
            coir::await(task);
            expect(false, "await throws");
        } catch (const coir::TaskCancelledError&) {
            expect(cleaned, "it cleaned up");
        }
    });
}

void futures(const Options& options) {
    in_loop(options, [] {
        coir::Promise<std::string> promise;
        auto future = promise.get_future();
        int called = 0;
        future.add_done_callback([&] { ++called; });
        auto setter = coir::create_task([&] { promise.set_value("value"); });
        // A task that fails drops nothing of ours.
        try {
            coir::await(setter);
        } catch (...) {
            future.cancel();
            throw;
        }
        expect(coir::await(future) == "value", "the value");
        coir::yield_now();
        expect(called == 1, "the callback ran once");
    });
}

void broken_promise(const Options& options) {
    in_loop(options, [] {
        auto promise = std::make_unique<coir::Promise<int>>();
        auto future = promise->get_future();
        auto waiter = coir::create_task([&] { return coir::await(future); });
        coir::yield_now();
        promise.reset();
        try {
            coir::await(waiter);
            expect(false, "await throws");
        } catch (const coir::BrokenPromise&) {
        }
    });
}

void timers(const Options& options) {
    in_loop(options, [] {
        auto& loop = coir::get_running_loop();
        std::vector<int> order;
        order.reserve(8);
        auto done = coir::create_future<void>();
        const auto begin = loop.time();
        loop.call_at(begin + 2ms, [&] {
            order.push_back(3);
            if (!done.done()) done.set_result();
        });
        loop.call_at(begin + 1ms, [&] { order.push_back(2); });
        auto never = loop.call_at(begin + 1ms, [&] { order.push_back(9); });
        never.cancel();
        loop.call_soon([&] { order.push_back(1); });
        coir::await(done);
        expect(loop.time() - begin >= 2ms, "not early");
        expect(order == std::vector<int>({1, 2, 3}), "the order");
    });
}

void context(const Options& options) {
    static coir::ContextVar<std::string> variable("name", "default");
    in_loop(options, [] {
        const auto token = variable.set("outer");
        auto task = coir::create_task([] {
            variable.set("inner");
            coir::yield_now();
            return variable.get();
        });
        expect(coir::await(task) == "inner", "the task's own");
        expect(variable.get() == "outer", "ours");
        variable.reset(token);
        expect(variable.get() == "default", "as before");
    });
}

void lazy(const Options& options) {
    in_loop(options, [] {
        coir::Lazy<int> once([] {
            coir::yield_now();
            return 6;
        });
        auto [a, b] = coir::gather([&] { return once.get(); }, [&] { return once.get(); });
        expect(a == 6 && b == 6, "the same for both");
    });
}

void eager(const Options& options) {
    Options eagerly = options;
    eagerly.eager_tasks = true;
    in_loop(eagerly, [] {
        int at_once = 0;
        auto task = coir::create_task([&] {
            ++at_once;
            coir::yield_now();
            return 3;
        });
        expect(at_once == 1, "the first step at once");
        expect(coir::await(task) == 3, "the result");
    });
}

void detached(const Options& options) {
    in_loop(options, [] {
        int ran = 0;
        coir::spawn_detached([&] { ++ran; });
        coir::yield_now();
        expect(ran == 1, "it ran");
    });
}

void debug_mode(const Options& options) {
    Options debugging = options;
    debugging.debug = true;
    in_loop(debugging, [] {
        auto task = coir::create_task([] { return 1; });
        expect(coir::await(task) == 1, "the result");
    });
}

void close_with_tasks(const Options& options) {
    int ended = 0;
    coir::run(
        [&] {
            for (int i = 0; i < 3; ++i) {
                coir::spawn_detached([&ended] {
                    const CountsItsEnd count{ended};
                    coir::sleep(1h);
                });
            }
            coir::yield_now();
        },
        options);
    expect(ended == 3, "the rest was cancelled and drained");
}

constexpr Scenario list[] = {
    {"run", run},
    {"runner_twice", runner_twice},
    {"create_task", create_task},
    {"many_tasks", many_tasks},
    {"big_stack", big_stack},
    {"task_error", task_error},
    {"gather", gather},
    {"gather_failing", gather_failing},
    {"gather_settled", gather_settled},
    {"wait_for", wait_for},
    {"move_on_after", move_on_after},
    {"task_group", task_group},
    {"task_group_failing", task_group_failing},
    {"wait", wait},
    {"as_completed", as_completed},
    {"race", race},
    {"shield", shield},
    {"cancel", cancel},
    {"futures", futures},
    {"broken_promise", broken_promise},
    {"timers", timers},
    {"context", context},
    {"lazy", lazy},
    {"eager", eager},
    {"detached", detached},
    {"debug_mode", debug_mode},
    {"close_with_tasks", close_with_tasks},
};

}  // namespace

const std::span<const Scenario> task_scenarios(list);

}  // namespace coir_faults
