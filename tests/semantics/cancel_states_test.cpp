// SPDX-License-Identifier: BSL-1.0
// Cancelling in every state and at every suspension point: decisions D3, D16, bug class B45.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/queue.hpp>
#include <coir/sync.hpp>
#include <coir/thread.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir_test::run_on_sim;

TEST_CASE("D3, D16: every suspension point throws a pending cancel, also when it need not wait") {
    run_on_sim([] {
        auto done = coir::create_future<int>();
        done.set_result(1);
        auto finished = coir::create_task([] {});
        coir::await(finished);
        coir::Lock lock;
        coir::Event event;
        event.set();
        coir::Queue<int> queue;
        queue.put_nowait(1);
        bool called = false;
        const std::vector<std::function<void()>> points = {
            [&] { coir::await(done); },
            [&] { coir::await(finished); },
            [&] { coir::sleep(0s); },
            [&] { coir::sleep(1s); },
            [&] { coir::sleep_until({}); },
            [&] { coir::yield_now(); },
            [&] { coir::checkpoint(); },
            [&] { lock.lock(); },
            [&] { event.wait(); },
            [&] { queue.put(2); },
            [&] { queue.get(); },
            [&] { queue.join(); },
            [&] { coir::to_thread([&] { called = true; }); },
        };
        for (std::size_t i = 0; i < points.size(); ++i) {
            INFO("suspension point " << i);
            auto task = coir::create_task([&] {
                coir::current_task().cancel();
                // None of these is a cancellation point.
                auto other = coir::create_future<int>();
                other.set_result(1);
                other.result();
                CHECK(lock.try_lock());
                lock.unlock();
                event.clear();
                event.set();
                queue.put_nowait(5);
                CHECK(queue.try_get().has_value());
                queue.task_done();
                coir::get_running_loop().call_soon([] {});
                auto child = coir::create_task([] {});
                child.cancel();
                CHECK_THROWS_AS(points[i](), coir::CancelledError);
                coir::yield_now();  // once per request
            });
            coir::await(task);
        }
        // ... and had no effect.
        CHECK_FALSE(called);
        CHECK_FALSE(lock.locked());
        CHECK(queue.size() == 1);
    });
}

TEST_CASE("B45: what cancel() does to a task in every state") {
    struct Row {
        const char* state;
        std::function<coir::Task<int>()> make;
        bool accepted;
        const char* end;
    };
    auto swallowing = [](auto first_wait) {
        return coir::create_task([first_wait] {
            first_wait();
            return 1;
        });
    };
    const std::vector<Row> rows = {
        {"not started", [] { return coir::create_task([] { return 1; }); }, true, "cancelled"},
        {"suspended",
         [] {
             auto task = coir::create_task([] { coir::sleep(1h); return 1; });
             coir::yield_now();
             return task;
         },
         true, "cancelled"},
        {"woken, not resumed",
         [] {
             auto future = coir::create_future<int>();
             auto task = coir::create_task([future] { return coir::await(future); });
             coir::yield_now();
             future.set_result(1);
             return task;
         },
         true, "value"},
        {"yielding",
         [] {
             auto task = coir::create_task([] { coir::yield_now(); return 1; });
             coir::yield_now();
             return task;
         },
         true, "value"},
        {"in cleanup",
         [] {
             auto task = coir::create_task([]() -> int {
                 try {
                     coir::sleep(1h);
                 } catch (const coir::CancelledError&) {
                     coir::sleep(1h);  // interrupted by the second request
                     throw;
                 }
                 return 1;
             });
             coir::yield_now();
             task.cancel();
             coir::yield_now();
             return task;
         },
         true, "cancelled"},
        {"masked",
         [&] {
             auto task = swallowing([] { coir::no_cancel([] { coir::sleep(1s); }); });
             coir::yield_now();
             return task;
         },
         true, "value"},
        {"done with a value",
         [] {
             auto task = coir::create_task([] { return 1; });
             coir::yield_now();
             return task;
         },
         false, "value"},
        {"done with an error",
         [] {
             auto task = coir::create_task([]() -> int { throw std::range_error("x"); });
             coir::yield_now();
             return task;
         },
         false, "error"},
        {"cancelled",
         [] {
             auto task = coir::create_task([] { return 1; });
             task.cancel();
             coir::yield_now();
             return task;
         },
         false, "cancelled"},
    };
    auto end_of = [](const coir::Task<int>& task) -> std::string {
        if (!task.done()) return "pending";
        if (task.cancelled()) return "cancelled";
        return task.exception() ? "error" : "value";
    };
    run_on_sim([&] {
        for (const Row& row : rows) {
            for (int requests : {1, 2}) {
                INFO(row.state << ", " << requests << " requests");
                auto task = row.make();
                const auto before = task.cancelling();
                for (int i = 0; i < requests; ++i) CHECK(task.cancel() == row.accepted);
                CHECK(task.cancelling() ==
                      before + (row.accepted ? static_cast<unsigned>(requests) : 0u));
                coir::sleep(10s);
                CHECK(end_of(task) == row.end);
                // Taking the request back at once: as if nothing had been.
                if (std::string(row.state) == "suspended") continue;  // it was delivered
                auto spared = row.make();
                const auto asked = spared.cancelling();
                spared.cancel();
                if (row.accepted && asked == 0) {
                    CHECK(spared.uncancel() == 0);
                    coir::sleep(10s);
                    CHECK(end_of(spared) == "value");
                }
                coir::sleep(10s);
            }
        }
    });
}
