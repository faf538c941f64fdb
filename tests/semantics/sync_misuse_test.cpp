// SPDX-License-Identifier: BSL-1.0
// Primitives used from elsewhere, or destroyed while somebody waits: decisions D20, D22.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/queue.hpp>
#include <coir/sync.hpp>

#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir_test::run_on_sim;

TEST_CASE("D20: in debug mode a lock of another thread's loop is refused, used or not") {
    auto options = coir_test::sim_options();
    options.debug = true;
    options.slow_task_threshold = 1h;
    coir_test::run_in_loop(
        [] {
            coir::Lock lock;
            coir::Event event;
            coir::Semaphore semaphore(1);
            coir::SharedLock shared;
            coir::Barrier barrier(1);
            coir::Queue<int> queue;
            coir::Channel<int> channel(1);
            coir::Condition condition;
            { std::scoped_lock hold(lock, semaphore, shared); }
            event.set();
            barrier.wait();
            queue.put(1);
            channel.send(1);
            condition.notify_all();
            int refused = 0;
            auto attempt = [&](auto call) {
                try {
                    call();
                } catch (const coir::WrongThreadError&) {
                    ++refused;
                }
            };
            std::thread([&] {
                attempt([&] { lock.try_lock(); });
                attempt([&] { event.set(); });
                attempt([&] { semaphore.release(); });
                attempt([&] { shared.try_lock_shared(); });
                attempt([&] { barrier.abort(); });
                attempt([&] { queue.put_nowait(2); });
                attempt([&] { queue.try_get(); });
                attempt([&] { queue.shutdown(); });
                attempt([&] { channel.try_send(2); });
                attempt([&] { channel.close(); });
                attempt([&] { condition.notify_one(); });
            }).join();
            CHECK(refused == 11);
            CHECK((queue.size() == 1 && channel.size() == 1));
            CHECK_FALSE(lock.locked());
        },
        options);
}

TEST_CASE("D20: what a closed loop has used may be used by the next") {
    auto options = coir_test::sim_options();
    options.debug = true;
    options.slow_task_threshold = 1h;
    coir::Queue<int> queue;
    queue.put_nowait(0);
    for (int i = 0; i < 2; ++i) {
        coir_test::run_in_loop([&] { queue.put(i); }, options);
        coir_test::run_on_sim([&] { queue.put(i); });
        std::thread([&] { queue.put_nowait(i); }).join();
    }
    CHECK(queue.size() == 7);
    coir::EventLoop first(options);
    coir::EventLoop second(options);
    first.run_until_complete([&] { queue.put(9); });
    queue.put_nowait(9);  // between its runs, on its thread
    CHECK_THROWS_AS(second.run_until_complete([&] { queue.put(9); }), coir::WrongThreadError);
    first.close();
    second.run_until_complete([&] { queue.put(9); });
}

TEST_CASE("D20, B28: waking a task of a loop that runs on another thread is refused, debug or not") {
    run_on_sim([] {
        coir::Event event;
        coir::Lock lock;
        coir::Semaphore semaphore(0);
        coir::Channel<int> channel;
        std::scoped_lock hold(lock);
        auto a = coir::create_task([&] { event.wait(); });
        auto b = coir::create_task([&] { std::scoped_lock waits(lock); });
        auto c = coir::create_task([&] { semaphore.acquire(); });
        auto d = coir::create_task([&] { return channel.receive(); });
        coir::yield_now();
        int refused = 0;
        auto attempt = [&](auto call) {
            try {
                call();
            } catch (const coir::WrongThreadError&) {
                ++refused;
            }
        };
        std::thread([&] {
            attempt([&] { event.set(); });
            attempt([&] { lock.unlock(); });
            attempt([&] { semaphore.release(); });
            attempt([&] { channel.try_send(1); });
        }).join();
        CHECK(refused == 4);
        CHECK((lock.locked() && semaphore.locked() && !event.is_set()));
        event.set();
        semaphore.release();
        channel.send(2);
        coir::await(c);
        CHECK(coir::await(d) == 2);
        b.cancel();
    });
}

TEST_CASE("D22, B32: who waits for what is destroyed waits on, can be cancelled, and debug mode says so") {
    auto options = coir_test::sim_options();
    options.debug = true;
    options.slow_task_threshold = 1h;
    coir_test::LogCapture log;
    coir_test::run_in_loop(
        [&] {
            std::vector<coir::Task<void>> tasks;
            auto wait = [&](auto call) { tasks.push_back(coir::create_task(std::move(call))); };
            {
                struct {
                    coir::Lock lock;
                    coir::Event event;
                    coir::Semaphore semaphore;
                    coir::SharedLock shared;
                    coir::Queue<int> queue;
                    coir::Channel<int> channel;
                    coir::Channel<int> other;
                } gone;
                coir::Barrier barrier(2);
                gone.semaphore.acquire();
                gone.lock.lock();
                gone.shared.lock_shared();
                wait([&] { gone.lock.lock(); });
                wait([&] { gone.event.wait(); });
                wait([&] { gone.semaphore.acquire(); });
                wait([&] { gone.shared.lock(); });
                wait([&] { gone.shared.lock_shared(); });
                wait([&] { barrier.wait(); });
                wait([&] { gone.queue.get(); });
                wait([&] { gone.channel.send(1); });
                wait([&] {
                    coir::select(coir::case_receive(gone.other, [](std::optional<int>) {}),
                                 coir::case_timeout(1h, [] {}));
                });
                coir::sleep(1s);
            }
            CHECK(log.count("is destroyed") == 8);  // once for each
            for (auto& task : tasks) CHECK_FALSE(task.done());
            for (auto& task : tasks) task.cancel();
            coir::sleep(1s);
            for (auto& task : tasks) CHECK(task.cancelled());
        },
        options);
    log.clear();
    coir_test::run_on_sim([] {
        coir::Queue<int> queue;
        coir::spawn_detached([&] { queue.get(); });
        coir::yield_now();
    });  // destroyed before the leftover is cancelled
    INFO(log.text());
    CHECK(log.count("is destroyed") == 0);
}
