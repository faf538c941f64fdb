// SPDX-License-Identifier: BSL-1.0
// Lock and Event: semantics.md §2.15, rules 199-202, decisions D3, D18, D25.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/sync.hpp>

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;
using coir_test::sim_options;

TEST_CASE("rule 191: unlocking a lock that is not locked is an error") {
    run_on_sim([] {
        coir::Lock lock;
        CHECK_THROWS_AS(lock.unlock(), coir::InvalidStateError);
        lock.lock();
        CHECK(lock.locked());
        lock.unlock();
        CHECK_FALSE(lock.locked());
        CHECK_THROWS_AS(lock.unlock(), coir::InvalidStateError);
        CHECK(lock.try_lock());
        CHECK_FALSE(lock.try_lock());
        lock.unlock();
    });
}

TEST_CASE("rule 192, D23: a free lock is taken without a switch, but sees a pending cancel") {
    run_on_sim([] {
        coir::Lock lock;
        bool other_ran = false;
        coir::spawn_detached([&] { other_ran = true; });
        for (int i = 0; i < 50; ++i) {
            std::scoped_lock hold(lock);
            CHECK(lock.locked());
        }
        CHECK_FALSE(other_ran);
        auto task = coir::create_task([&] {
            coir::current_task().cancel();
            CHECK_THROWS_AS(lock.lock(), coir::CancelledError);
            CHECK_FALSE(lock.locked());
        });
        coir::await(task);
    });
}

TEST_CASE("rule 193, D25: waiters get the lock in order, before any newcomer") {
    run_on_sim([] {
        coir::Lock lock;
        std::string order;
        lock.lock();
        auto worker = [&](char name) {
            std::scoped_lock hold(lock);
            order += name;
            coir::sleep(1s);
        };
        auto a = coir::create_task(worker, 'a');
        auto b = coir::create_task(worker, 'b');
        coir::sleep(1s);
        lock.unlock();
        CHECK(lock.locked());  // it is a's already
        CHECK_FALSE(lock.try_lock());
        auto c = coir::create_task(worker, 'c');
        worker('m');
        coir::await(c);
        CHECK(order == "abmc");
        CHECK_FALSE(lock.locked());
    });
}

TEST_CASE("rule 193, D18: a lock held across waits excludes, and serves everybody, in any order") {
    on_every_order([] {
        coir::Lock lock;
        int inside = 0;
        int served = 0;
        std::vector<coir::Task<void>> tasks;
        for (int i = 0; i < 20; ++i) {
            tasks.push_back(coir::create_task([&, i] {
                for (int round = 0; round < 5; ++round) {
                    std::unique_lock hold(lock);
                    CHECK(++inside == 1);
                    if ((i + round) % 3 == 0) coir::sleep(1ms);
                    coir::yield_now();
                    CHECK(inside-- == 1);
                    ++served;
                }
            }));
        }
        for (auto& task : tasks) coir::await(task);
        CHECK(served == 100);
        CHECK_FALSE(lock.locked());
    });
}

TEST_CASE("rule 194: a cancelled waiter leaves no trace") {
    on_every_order([] {
        coir::Lock lock;
        lock.lock();
        auto waiter = [&] { std::scoped_lock hold(lock); };
        auto first = coir::create_task(waiter);
        auto second = coir::create_task(waiter);
        coir::sleep(1s);
        first.cancel();
        second.cancel();
        coir::sleep(1s);
        CHECK((first.cancelled() && second.cancelled()));
        CHECK(lock.locked());
        lock.unlock();
        CHECK_FALSE(lock.locked());
        lock.lock();
        lock.unlock();
    });
}

TEST_CASE("rule 195, 196: unlock passes over a cancelled first waiter to exactly one other") {
    on_every_order([] {
        coir::Lock lock;
        std::string owners;
        lock.lock();
        auto waiter = [&](char name) {
            lock.lock();
            owners += name;  // and keeps it
        };
        auto a = coir::create_task(waiter, 'a');
        coir::sleep(1s);
        auto b = coir::create_task(waiter, 'b');
        coir::sleep(1s);
        auto c = coir::create_task(waiter, 'c');
        coir::sleep(1s);
        a.cancel();  // in the same step as the unlock
        lock.unlock();
        coir::sleep(1s);
        CHECK(owners == "b");
        CHECK(a.cancelled());
        CHECK(lock.locked());
        c.cancel();
        coir::sleep(1s);
        CHECK(c.cancelled());
        lock.unlock();
        CHECK_FALSE(lock.locked());
    });
}

TEST_CASE("rule 197, D3: a waiter that is cancelled after it was chosen owns the lock") {
    on_every_order([] {
        coir::Lock lock;
        std::string log;
        lock.lock();
        auto chosen = coir::create_task([&] {
            std::unique_lock hold(lock);
            log += "owner";
            try {
                coir::yield_now();
            } catch (const coir::CancelledError&) {
                log += " cancelled";
                throw;
            }
        });
        coir::sleep(1s);
        auto next = coir::create_task([&] {
            std::unique_lock hold(lock);
            log += " next";
        });
        coir::sleep(1s);
        lock.unlock();
        CHECK(chosen.cancel());
        coir::await(next);
        CHECK(log == "owner cancelled next");
        CHECK(chosen.cancelled());
        CHECK_FALSE(lock.locked());
    });
}

TEST_CASE("rule 198: waiting for a lock together with another loop's tasks is an error") {
    coir::Lock lock;
    coir::Event event;
    coir::EventLoop first(sim_options());
    auto holder = first.create_task([&] {
        std::scoped_lock hold(lock);
        coir::sleep(1h);
    });
    auto waiter = first.create_task([&] { std::scoped_lock hold(lock); });
    auto event_waiter = first.create_task([&] { event.wait(); });
    first.run_until_complete([] { coir::sleep(1s); });
    run_on_sim([&] {
        CHECK_THROWS_AS(lock.lock(), coir::WrongThreadError);
        CHECK_THROWS_AS(event.wait(), coir::WrongThreadError);
    });
    first.run_until_complete(waiter);
    event.set();
    first.run_until_complete(event_waiter);
    run_on_sim([&] { std::scoped_lock hold(lock); });  // nobody waits any more
}

TEST_CASE("rule 199: set wakes all; waiting for a set event returns at once") {
    on_every_order([] {
        coir::Event event;
        CHECK_FALSE(event.is_set());
        int woken = 0;
        std::vector<coir::Task<void>> tasks;
        for (int i = 0; i < 10; ++i) {
            tasks.push_back(coir::create_task([&] {
                event.wait();
                ++woken;
            }));
        }
        coir::sleep(1s);
        CHECK(woken == 0);
        event.set();
        event.set();
        CHECK(woken == 0);
        for (auto& task : tasks) coir::await(task);
        CHECK(woken == 10);
        bool other_ran = false;
        coir::spawn_detached([&] { other_ran = true; });
        event.wait();
        CHECK_FALSE(other_ran);
        while (!other_ran) coir::yield_now();  // before its variable is gone
        CHECK(event.is_set());
    });
}

TEST_CASE("rule 199: waiters wake in the order of their waits") {
    run_on_sim([] {
        coir::Event event;
        std::string order;
        auto waiter = [&](char name, coir::Nanoseconds delay) {
            coir::sleep(delay);
            event.wait();
            order += name;
        };
        auto a = coir::create_task(waiter, 'a', 3s);
        auto b = coir::create_task(waiter, 'b', 1s);
        auto c = coir::create_task(waiter, 'c', 2s);
        coir::sleep(5s);
        event.set();
        coir::sleep(1s);
        CHECK(order == "bca");
    });
}

TEST_CASE("rule 200: who first steps after set() passes ahead of older waiters") {
    run_on_sim([] {
        coir::Event event;
        std::vector<int> order;
        auto waiter = [&](int number) {
            event.wait();
            order.push_back(number);
        };
        auto first = coir::create_task(waiter, 1);
        auto second = coir::create_task(waiter, 2);
        coir::yield_now();
        auto third = coir::create_task(waiter, 3);
        event.set();
        coir::await(second);
        CHECK(order == std::vector<int>{3, 1, 2});
    });
}

TEST_CASE("rule 201: set and clear at once still release those who were waiting") {
    on_every_order([] {
        coir::Event event;
        int woken = 0;
        auto waiter = [&] {
            event.wait();
            CHECK_FALSE(event.is_set());
            ++woken;
        };
        auto a = coir::create_task(waiter);
        auto b = coir::create_task(waiter);
        coir::sleep(1s);
        event.set();
        event.clear();
        CHECK_FALSE(event.is_set());
        auto late = coir::create_task([&] { event.wait(); });
        coir::sleep(1s);
        CHECK(woken == 2);
        CHECK_FALSE(late.done());
        event.set();
        coir::await(late);
    });
}

TEST_CASE("rule 202: a cancelled event waiter is removed; one that was woken has waited") {
    on_every_order([] {
        coir::Event event;
        bool passed = false;
        auto cancelled = coir::create_task([&] { event.wait(); });
        auto woken = coir::create_task([&] {
            event.wait();
            passed = true;
            coir::yield_now();
        });
        coir::sleep(1s);
        cancelled.cancel();
        event.set();
        woken.cancel();
        coir::sleep(1s);
        CHECK(cancelled.cancelled());
        CHECK(passed);
        CHECK(woken.cancelled());  // at its next suspension point
        event.clear();
        event.set();
    });
}
