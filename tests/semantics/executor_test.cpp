// SPDX-License-Identifier: BSL-1.0
// Executors, and the way back from their threads: semantics.md rules 20, 49, 50, 246 to 250, 346, 347,
// decisions D17, D20; api.md section 6.
#include "support/catch.hpp"
#include "support/run.hpp"
#include "reports.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/thread.hpp>
#include <coir/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

using namespace std::chrono_literals;
using coir_test::run_in_loop;

namespace {

// Keeps the jobs until it is told to run or to drop them.
class ManualExecutor : public coir::Executor {
public:
    void submit(Job job) override {
        if (refuse) throw std::range_error("refused");
        if (run_and_throw) {
            std::thread([&] { job(); }).join();
            throw std::range_error("too late");
        }
        jobs.push_back(std::move(job));
    }
    void run_all() {
        std::thread([&] {
            for (Job& job : jobs) job();
        }).join();
        jobs.clear();
    }
    std::vector<Job> jobs;
    bool refuse = false;
    bool run_and_throw = false;
};

std::string thread_name() {
    char name[16] = {};
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    return name;
}

}  // namespace

TEST_CASE("rule 246: run_in_executor runs elsewhere; its result or exception arrives on the loop") {
    coir::ThreadPool pool(2, {.name = "mine"});
    run_in_loop([&] {
        const auto here = std::this_thread::get_id();
        auto id = coir::run_in_executor(pool, [] { return std::this_thread::get_id(); });
        static_assert(std::is_same_v<decltype(id), coir::Future<std::thread::id>>);
        CHECK_FALSE(id.done());
        CHECK(coir::await(id) != here);
        CHECK(coir::await(coir::run_in_executor(pool, &thread_name)) == "mine");
        CHECK(*coir::await(coir::run_in_executor(
                  pool, [p = std::make_unique<int>(4)] { return std::make_unique<int>(*p); })) == 4);
        coir::await(coir::run_in_executor(pool, [] {}));
        CHECK_THROWS_WITH(
            coir::await(coir::run_in_executor(pool, [] { throw std::range_error("there"); })),
            "there");
        CHECK_THROWS_AS(
            coir::await(coir::run_in_executor(pool, [] { throw coir::CancelledError("own"); })),
            coir::TaskCancelledError);
        CHECK_THROWS_AS(coir::run_in_executor(pool, std::function<int()>()), std::invalid_argument);
    });
    CHECK_THROWS_AS(coir::run_in_executor(pool, [] {}), std::logic_error);
}

TEST_CASE("rule 247, 347: one pool serves many loops at the same time") {
    coir::ThreadPool pool(4);
    std::latch all_here(4);
    std::atomic<int> sum{0};
    std::vector<std::thread> loops;
    for (int i = 0; i < 4; ++i) {
        loops.emplace_back([&] {
            coir::run(
                [&] {
                    auto first = coir::run_in_executor(pool, [&] { all_here.arrive_and_wait(); });
                    std::vector<coir::Future<int>> more;
                    for (int k = 0; k < 100; ++k) {
                        more.push_back(coir::run_in_executor(pool, [k] { return k; }));
                    }
                    coir::await(first);
                    for (auto& future : more) sum += coir::await(future);
                },
                coir_test::options());
        });
    }
    for (auto& loop : loops) loop.join();
    CHECK(sum == 4 * 4950);
    const coir::PoolMetrics metrics = pool.metrics();
    CHECK(metrics.threads == 4);
    CHECK(metrics.done == 404);
    CHECK(metrics.queued == 0);
    CHECK(metrics.running == 0);
}

TEST_CASE("rule 49, 249, 346: cancelling the future of a queued call takes it back at once") {
    coir::ThreadPool pool(1);
    run_in_loop([&] {
        std::latch entered(1);
        std::latch go(1);
        auto running = coir::run_in_executor(pool, [&] {
            entered.count_down();
            go.wait();
        });
        entered.wait();
        auto token = std::make_shared<int>(1);
        std::atomic<bool> ran{false};
        auto queued = coir::run_in_executor(pool, [&ran, token] { ran = true; });
        CHECK(pool.metrics().queued == 1);
        CHECK(pool.metrics().running == 1);
        CHECK(queued.cancel("withdrawn"));
        CHECK(token.use_count() == 1);  // destroyed here and now
        CHECK(pool.metrics().queued == 0);
        CHECK(pool.metrics().withdrawn == 1);
        CHECK_THROWS_WITH(coir::await(queued), Catch::Contains("withdrawn"));
        go.count_down();
        coir::await(running);
        coir::await(coir::run_in_executor(pool, [] {}));
        CHECK_FALSE(ran);
        // One that is finished keeps its value.
        auto finished = coir::run_in_executor(pool, [] { return 5; });
        coir::sleep(0s);
        coir::await(finished);
        CHECK_FALSE(finished.cancel());
        CHECK(finished.result() == 5);
    });
}

TEST_CASE("rule 248: cancelling the future of a running call ends the await; the thread runs on") {
    coir::ThreadPool pool(1);
    std::atomic<bool> stopped{false};
    run_in_loop([&] {
        std::latch entered(1);
        auto token = std::make_shared<int>(1);
        auto future = coir::run_in_executor(pool, [&, token](std::stop_token stop) {
            entered.count_down();
            while (!stop.stop_requested()) std::this_thread::sleep_for(100us);
            stopped = true;
            return token;
        });
        auto waiter = coir::create_task([&] { coir::await(future); });
        coir::yield_now();
        entered.wait();
        waiter.cancel();
        CHECK_THROWS_AS(coir::await(waiter), coir::TaskCancelledError);
        CHECK(future.cancelled());
        coir::await(coir::run_in_executor(pool, [] {}));
        CHECK(stopped);
        CHECK(token.use_count() == 1);  // call and result are dropped on the loop
    });
}

TEST_CASE("rule 50: a call that comes back to a closed loop is dropped") {
    coir::ThreadPool pool(1);
    std::latch entered(1);
    std::latch go(1);
    std::atomic<int> asked{0};
    std::atomic<bool> ran{false};
    auto token = std::make_shared<int>(1);
    coir::Future<int> kept;
    run_in_loop([&] {
        kept = coir::run_in_executor(pool, [&, token](std::stop_token stop) {
            entered.count_down();
            go.wait();
            asked = stop.stop_requested() ? 1 : 2;
            return 1;
        });
        static_cast<void>(coir::run_in_executor(pool, [&, token] { ran = true; }));
        entered.wait();
    });
    CHECK(kept.cancelled());
    CHECK(token.use_count() == 2);  // what was queued is gone with the loop
    go.count_down();
    pool.shutdown();
    CHECK(asked == 1);
    CHECK_FALSE(ran);
    CHECK(token.use_count() == 1);
}

TEST_CASE("rule 50: a future may be cancelled after the pool is gone") {
    run_in_loop([] {
        std::optional<coir::ThreadPool> pool(std::in_place, 1u);
        auto future = coir::run_in_executor(*pool, [] { return 1; });
        pool.reset();  // the call is done, and its return is in the inbox
        CHECK(future.cancel());
        coir::yield_now();
        CHECK(future.cancelled());
    });
}

TEST_CASE("rule 250: after its end a pool takes nothing, and what was queued has run") {
    coir::ThreadPool pool(1);
    std::atomic<int> ran{0};
    for (int i = 0; i < 20; ++i) pool.submit([&] { ++ran; });
    std::atomic<bool> refused{false};
    pool.submit([&] {
        try {
            pool.shutdown();  // would wait for itself
        } catch (const std::logic_error&) {
            refused = true;
        }
    });
    pool.shutdown();
    pool.shutdown();
    CHECK(ran == 20);
    CHECK(refused);
    auto token = std::make_shared<int>(1);
    CHECK_THROWS_AS(pool.submit([token] {}), coir::InvalidStateError);
    run_in_loop([&] {
        CHECK_THROWS_AS(coir::run_in_executor(pool, [token] {}), coir::InvalidStateError);
    });
    CHECK(token.use_count() == 1);
}

TEST_CASE("api.md: a pool's limit, its metrics, and bad options") {
    CHECK_THROWS_AS(coir::ThreadPool(0), std::invalid_argument);
    CHECK_THROWS_AS(coir::ThreadPool(5000), std::invalid_argument);
    CHECK_THROWS_AS(coir::ThreadPool(1, {.name = ""}), std::invalid_argument);
    CHECK_THROWS_AS(coir::ThreadPool(1, {.name = "longer than 15 b"}), std::invalid_argument);
    CHECK_THROWS_AS(coir::ThreadPool(1, {.name = std::string("a\0b", 3)}), std::invalid_argument);
    coir_test::LogCapture log;
    coir::ThreadPool pool(1, {.max_queued = 2});
    CHECK(pool.metrics().threads == 0);  // none before there is work
    CHECK_THROWS_AS(pool.submit({}), std::invalid_argument);
    std::latch entered(1);
    std::latch go(1);
    pool.submit([&] {
        entered.count_down();
        go.wait();
    });
    entered.wait();
    pool.submit([] { throw std::range_error("nobody sees it"); });
    pool.submit([] {});
    CHECK_THROWS_AS(pool.submit([] {}), coir::QueueFull);
    run_in_loop([&] { CHECK_THROWS_AS(coir::run_in_executor(pool, [] {}), coir::QueueFull); });
    CHECK(pool.metrics().rejected == 2);
    CHECK(pool.metrics().queued == 2);
    go.count_down();
    pool.shutdown();
    CHECK(pool.metrics().done == 3);
    CHECK(pool.metrics().running == 0);
    CHECK(log.contains("nobody sees it"));
}

TEST_CASE("B39: api.md: max_queued_jobs and the metrics of to_thread's pool") {
    coir::RunOptions options = coir_test::options();
    options.max_threads = 1;
    options.max_queued_jobs = 1;
    run_in_loop(
        [] {
            auto& loop = coir::get_running_loop();
            CHECK(loop.metrics().pool.threads == 0);
            std::latch entered(1);
            std::latch go(1);
            auto running = coir::create_task([&] {
                coir::to_thread([&] {
                    entered.count_down();
                    go.wait();
                });
            });
            coir::yield_now();
            entered.wait();
            auto queued = coir::create_task([] { coir::to_thread([] {}); });
            coir::yield_now();
            CHECK_THROWS_AS(coir::to_thread([] {}), coir::QueueFull);
            coir::PoolMetrics metrics = loop.metrics().pool;
            CHECK(metrics.threads == 1);
            CHECK(metrics.running == 1);
            CHECK(metrics.queued == 1);
            CHECK(metrics.rejected == 1);
            go.count_down();
            coir::await(running);
            coir::await(queued);
            metrics = loop.metrics().pool;
            CHECK(metrics.done == 2);
            CHECK(metrics.running == 0);
            CHECK(metrics.queued == 0);
        },
        options);
}

TEST_CASE("rule 246, 249: executors of a program's own") {
    run_in_loop([] {
        ManualExecutor executor;
        auto one = coir::run_in_executor(executor, [] { return 1; });
        auto token = std::make_shared<int>(1);
        auto taken_back = coir::run_in_executor(executor, [token] { return 2; });
        auto three = coir::run_in_executor(executor, []() -> int { throw std::range_error("3"); });
        CHECK(taken_back.cancel());
        CHECK(token.use_count() == 1);
        executor.run_all();
        CHECK(coir::await(one) == 1);
        CHECK_THROWS_WITH(coir::await(three), "3");
        auto dropped = coir::run_in_executor(executor, [] { return 4; });
        executor.jobs.clear();
        CHECK_THROWS_AS(coir::await(dropped), coir::BrokenPromise);
        executor.refuse = true;
        CHECK_THROWS_WITH(coir::run_in_executor(executor, [token] {}), "refused");
        coir::sleep(1ms);  // the job that was dropped has come home
        CHECK(token.use_count() == 1);
        executor.refuse = false;
        executor.run_and_throw = true;
        CHECK_THROWS_WITH(coir::run_in_executor(executor, [] {}), "too late");
        coir::sleep(1ms);
    });
    // Jobs that outlive the loop.
    ManualExecutor executor;
    auto token = std::make_shared<int>(1);
    run_in_loop([&] {
        static_cast<void>(coir::run_in_executor(executor, [token] {}));
        static_cast<void>(coir::run_in_executor(executor, [token] {}));
    });
    CHECK(token.use_count() == 1);
    executor.run_all();
}

TEST_CASE("rule 246: from_thread::run runs a task on the loop and blocks the pool's thread") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        const auto here = std::this_thread::get_id();
        int steps = 0;
        const int sum = coir::to_thread([&] {
            const auto id = coir::from_thread::run(loop, [] { return std::this_thread::get_id(); });
            steps = id == here ? 1 : 0;
            coir::from_thread::run(loop, [&] {
                coir::sleep(2ms);  // in virtual time, too
                ++steps;
            });
            auto owned = coir::from_thread::run(loop, [] { return std::make_unique<int>(5); });
            try {
                coir::from_thread::run(loop, [] { throw std::range_error("on the loop"); });
            } catch (const std::range_error&) {
                ++steps;
            }
            try {
                coir::from_thread::run(loop, [] { coir::current_task().cancel(); coir::sleep(1s); });
            } catch (const coir::TaskCancelledError&) {
                ++steps;
            }
            return *owned;
        });
        CHECK(sum == 5);
        CHECK(steps == 4);
    });
}

TEST_CASE("rule 22, D20: from_thread::run on a loop's thread would wait for itself") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        CHECK_THROWS_AS(coir::from_thread::run(loop, [] {}), std::logic_error);
        auto refused = coir::create_future<bool>();
        loop.call_soon([&] {
            try {
                coir::from_thread::run(loop, [] {});
                refused.set_result(false);
            } catch (const std::logic_error&) {
                refused.set_result(true);
            }
        });
        CHECK(coir::await(refused));
    });
    coir::EventLoop closed(coir_test::options());
    closed.close();
    CHECK_THROWS_AS(coir::from_thread::run(closed, [] {}), std::logic_error);
}

TEST_CASE("D17: cancelling a to_thread call cancels the task that it waits for on the loop") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        auto begun = coir::create_future<void>();
        std::string inner;
        bool later_refused = false;
        bool unwound = false;
        auto outer = coir::create_task([&] {
            coir::to_thread([&] {
                struct Witness {
                    bool& unwound;
                    ~Witness() { unwound = true; }
                } const witness{unwound};
                try {
                    coir::from_thread::run(loop, [&] {
                        begun.set_result();
                        try {
                            coir::await(coir::create_future<void>());
                        } catch (const coir::CancelledError& cancelled) {
                            inner = cancelled.message();
                            throw;
                        }
                    });
                } catch (const coir::CancelledError&) {
                    try {
                        coir::from_thread::run(loop, [] {});
                    } catch (const coir::CancelledError&) {
                        later_refused = true;
                    }
                    throw;
                }
            });
        });
        coir::await(begun);
        CHECK(outer.cancel("enough"));
        CHECK_THROWS_WITH(coir::await(outer), Catch::Contains("enough"));
        CHECK(inner == "enough");
        CHECK(later_refused);
        CHECK(unwound);
    });
}

TEST_CASE("D17: a cancellation that came through from_thread::run is delivered once") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        auto begun = coir::create_future<void>();
        auto outer = coir::create_task([&] {
            try {
                coir::to_thread([&] {
                    coir::from_thread::run(loop, [&] {
                        begun.set_result();
                        coir::await(coir::create_future<void>());
                    });
                });
            } catch (const coir::CancelledError&) {
                coir::yield_now();  // not a second time
                return 3;
            }
            return 0;
        });
        coir::await(begun);
        outer.cancel();
        CHECK(coir::await(outer) == 3);
    });
}

TEST_CASE("rule 345, 346: calls, cancellations and the end of loops race, and nothing is lost") {
    coir::ThreadPool pool(3);
    std::atomic<int> alive{0};
    struct Counted {
        explicit Counted(std::atomic<int>& at) : count(&at) { ++*count; }
        Counted(const Counted& other) : count(other.count) { ++*count; }
        ~Counted() { --*count; }
        std::atomic<int>* count;
    };
    for (int round = 0; round < 30; ++round) {
        run_in_loop([&] {
            std::vector<coir::Future<Counted>> futures;
            for (int i = 0; i < 20; ++i) {
                futures.push_back(coir::run_in_executor(
                    pool, [counted = Counted(alive)] { return Counted(counted); }));
                if (i % 3 == 0) futures[static_cast<std::size_t>(i / 2)].cancel();
                if (i % 5 == round % 5) coir::yield_now();
            }
        });
    }
    pool.shutdown();
    CHECK(alive == 0);
}
