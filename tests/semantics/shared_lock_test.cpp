// SPDX-License-Identifier: BSL-1.0
// SharedLock and Lazy: api.md §4, decisions D3, D25, D34.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/queue.hpp>
#include <coir/sync.hpp>
#include <coir/timeout.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

TEST_CASE("api.md 4: readers share, a writer is alone") {
    on_every_order([] {
        coir::SharedLock lock;
        int readers = 0, most_readers = 0, writers = 0;
        std::vector<coir::Task<void>> tasks;
        for (int i = 0; i < 12; ++i) {
            tasks.push_back(coir::create_task([&, i] {
                for (int round = 0; round < 5; ++round) {
                    if ((i + round) % 4 == 0) {
                        std::unique_lock hold(lock);
                        CHECK((++writers == 1 && readers == 0));
                        CHECK(lock.locked());
                        coir::sleep(1ms);
                        --writers;
                    } else {
                        std::shared_lock hold(lock);
                        most_readers = std::max(most_readers, ++readers);
                        CHECK(writers == 0);
                        coir::sleep(1ms);
                        --readers;
                    }
                }
            }));
        }
        for (auto& task : tasks) coir::await(task);
        CHECK(most_readers > 1);
        CHECK((!lock.locked() && lock.readers() == 0));
    });
}

TEST_CASE("D25: a shared lock is had in the order of coming, whatever it is wanted for") {
    on_every_order([] {
        coir::SharedLock lock;
        std::string order;
        std::vector<coir::Task<void>> tasks;
        auto want = [&](char name, bool writer) {
            tasks.push_back(coir::create_task([&, name, writer] {
                writer ? lock.lock() : lock.lock_shared();
                order += name;
                coir::sleep(10s);
                writer ? lock.unlock() : lock.unlock_shared();
            }));
            coir::sleep(1ms);
        };
        want('a', false);
        want('b', false);
        CHECK(lock.readers() == 2);
        want('W', true);
        want('c', false);  // not past the writer
        CHECK_FALSE(lock.try_lock_shared());
        want('d', false);
        want('X', true);
        CHECK(order == "ab");
        coir::sleep(10s);
        CHECK(order == "abW");
        coir::sleep(10s);
        CHECK(order.substr(0, 3) == "abW");
        CHECK(order.size() == 5);  // c and d together
        coir::sleep(10s);
        CHECK(order.size() == 6);
        CHECK(order.back() == 'X');
        for (auto& task : tasks) coir::await(task);
    });
}

TEST_CASE("rule 195: when the writer that readers stand behind gives up, they get the lock") {
    on_every_order([] {
        coir::SharedLock lock;
        lock.lock_shared();
        auto writer = coir::create_task([&] { std::unique_lock hold(lock); });
        coir::sleep(1s);
        auto reader = coir::create_task([&] { std::shared_lock hold(lock); });
        coir::sleep(1s);
        CHECK_FALSE(reader.done());
        writer.cancel();
        coir::await(reader);
        CHECK(lock.readers() == 1);
        auto late = coir::create_task([&] {
            coir::with_timeout(1s, [&] { std::unique_lock hold(lock); });
        });
        coir::sleep(100ms);
        auto behind = coir::create_task([&] { std::shared_lock hold(lock); });
        CHECK_THROWS_AS(coir::await(late), coir::TimeoutError);
        coir::await(behind);
        lock.unlock_shared();
        CHECK(lock.try_lock());
        lock.unlock();
    });
}

TEST_CASE("rule 197, D3: who is cancelled after the shared lock was handed over has it") {
    on_every_order([] {
        coir::SharedLock lock;
        std::string log;
        lock.lock();
        auto owner = [&](auto hold) {
            hold.lock();
            log += "owner ";
            coir::yield_now();
        };
        auto reader = coir::create_task(
            [&] { owner(std::shared_lock<coir::SharedLock>(lock, std::defer_lock)); });
        coir::sleep(1s);
        auto writer = coir::create_task(
            [&] { owner(std::unique_lock<coir::SharedLock>(lock, std::defer_lock)); });
        coir::sleep(1s);
        lock.unlock();
        reader.cancel();
        coir::sleep(1s);
        CHECK(reader.cancelled());
        coir::await(writer);
        CHECK(log == "owner owner ");
        CHECK((!lock.locked() && lock.readers() == 0));
    });
}

TEST_CASE("rule 191: unlocking a shared lock that is not locked so is an error") {
    run_on_sim([] {
        coir::SharedLock lock;
        CHECK_THROWS_AS(lock.unlock(), coir::InvalidStateError);
        CHECK_THROWS_AS(lock.unlock_shared(), coir::InvalidStateError);
        lock.lock();
        CHECK_THROWS_AS(lock.unlock_shared(), coir::InvalidStateError);
        CHECK_FALSE(lock.try_lock());
        CHECK_FALSE(lock.try_lock_shared());
        lock.unlock();
        CHECK(lock.try_lock_shared());
        CHECK(lock.try_lock_shared());
        CHECK_FALSE(lock.try_lock());
        CHECK_THROWS_AS(lock.unlock(), coir::InvalidStateError);
        lock.unlock_shared();
        lock.unlock_shared();
        CHECK(lock.try_lock());
        lock.unlock();
    });
}

TEST_CASE("D34: a lazy value is made once, by the first who asks, while others wait") {
    on_every_order([] {
        int made = 0;
        coir::Lazy<std::unique_ptr<int>> lazy([&] {
            coir::sleep(1s);
            return std::make_unique<int>(++made);
        });
        CHECK_FALSE(lazy.ready());
        std::vector<coir::Task<int*>> tasks;
        for (int i = 0; i < 5; ++i) {
            tasks.push_back(coir::create_task([&] { return lazy.get().get(); }));
        }
        int* const value = lazy.get().get();
        CHECK(*value == 1);
        for (auto& task : tasks) CHECK(coir::await(task) == value);
        CHECK(lazy.ready());
        bool other_ran = false;
        coir::spawn_detached([&] { other_ran = true; });
        for (int i = 0; i < 50; ++i) lazy.get();
        CHECK_FALSE(other_ran);
        CHECK(made == 1);
    });
}

TEST_CASE("D34: an initialiser that fails or is cancelled lets the next caller try") {
    on_every_order([] {
        int attempts = 0;
        coir::Lazy<int> lazy([&] {
            const int attempt = ++attempts;
            coir::sleep(1s);
            if (attempt == 1) throw std::runtime_error("not yet");
            return attempt;
        });
        auto ask = [&] { return lazy.get(); };
        auto first = coir::create_task(ask);
        coir::sleep(1ms);
        auto second = coir::create_task(ask);
        coir::sleep(1ms);
        auto third = coir::create_task(ask);
        coir::sleep(1ms);
        auto given_up = coir::create_task(ask);
        coir::sleep(1ms);
        given_up.cancel();
        CHECK_THROWS_AS(coir::await(first), std::runtime_error);
        coir::sleep(500ms);
        CHECK(attempts == 2);
        second.cancel();  // the initialiser with it
        CHECK(coir::await(third) == 3);
        CHECK((second.cancelled() && given_up.cancelled()));
        CHECK(lazy.get() == 3);
    });
}

TEST_CASE("D34, D3: who is cancelled after it was chosen to try next tries, and passes it on") {
    on_every_order([] {
        int attempts = 0;
        coir::Lazy<int> lazy([&] {
            const int attempt = ++attempts;
            coir::sleep(1s);
            if (attempt == 1) throw std::runtime_error("not yet");
            return attempt;
        });
        auto second = coir::Task<void>();
        auto first = coir::create_task([&] {
            CHECK_THROWS_AS(lazy.get(), std::runtime_error);
            second.cancel();  // it has been chosen, and has not run
        });
        coir::sleep(1ms);
        second = coir::create_task([&] { lazy.get(); });
        coir::sleep(1ms);
        auto third = coir::create_task([&] { return lazy.get(); });
        coir::await(first);
        CHECK(coir::await(third) == 3);
        CHECK(second.cancelled());
        CHECK(attempts == 3);
    });
}

TEST_CASE("D34: a limit on who initialises is the initialiser's; others try again") {
    run_on_sim([] {
        int attempts = 0;
        coir::Lazy<void> lazy([&] {
            ++attempts;
            coir::sleep(2s);
        });
        auto patient = coir::create_task([&] {
            coir::sleep(1ms);
            lazy.get();
        });
        CHECK_THROWS_AS(coir::with_timeout(1s, [&] { lazy.get(); }), coir::TimeoutError);
        coir::await(patient);
        CHECK(attempts == 2);
        lazy.get();
        CHECK(attempts == 2);
    });
}

TEST_CASE("D34: an initialiser that asks for its own value, and one that is not there, are errors") {
    run_on_sim([] {
        coir::Lazy<int>* self = nullptr;
        coir::Lazy<int> lazy([&] { return self->get(); });
        self = &lazy;
        CHECK_THROWS_AS(lazy.get(), coir::InvalidStateError);
        CHECK_THROWS_AS(lazy.get(), coir::InvalidStateError);  // it can be tried again
        std::function<int()> empty;
        CHECK_THROWS_AS(coir::Lazy<int>(empty), std::invalid_argument);
    });
}

TEST_CASE("D34: the initialiser is destroyed when it has succeeded, and may be move-only") {
    run_on_sim([] {
        auto kept = std::make_shared<int>(1);
        coir::Lazy<int> lazy([own = std::make_unique<int>(4), kept] { return *own; });
        CHECK(kept.use_count() == 2);
        CHECK(lazy.get() == 4);
        CHECK(kept.use_count() == 1);
        lazy.get() = 5;
        CHECK(lazy.get() == 5);
    });
}

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

TEST_CASE("D20: waking a task of a loop that runs on another thread is refused, debug or not") {
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

TEST_CASE("D22: who waits for what is destroyed waits on, can be cancelled, and debug mode says so") {
    auto options = coir_test::sim_options();
    options.debug = true;
    options.slow_task_threshold = 1h;
    coir_test::LogCapture log;
    coir_test::run_in_loop(
        [&] {
            std::vector<coir::Task<void>> tasks;
            auto wait = [&](auto call) { tasks.push_back(coir::create_task(std::move(call))); };
            {
                auto gone = std::make_unique<
                    std::tuple<coir::Lock, coir::Event, coir::Semaphore, coir::SharedLock,
                               coir::Queue<int>, coir::Channel<int>, coir::Channel<int>>>();
                auto& [lock, event, semaphore, shared, queue, channel, other] = *gone;
                semaphore.acquire();
                coir::Barrier barrier(2);
                lock.lock();
                shared.lock_shared();
                wait([&] { lock.lock(); });
                wait([&] { event.wait(); });
                wait([&] { semaphore.acquire(); });
                wait([&] { shared.lock(); });
                wait([&] { shared.lock_shared(); });
                wait([&] { barrier.wait(); });
                wait([&] { queue.get(); });
                wait([&] { channel.send(1); });
                wait([&] {
                    coir::select(coir::case_receive(other, [](std::optional<int>) {}),
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
