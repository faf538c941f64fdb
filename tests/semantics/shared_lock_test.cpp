// SPDX-License-Identifier: BSL-1.0
// SharedLock: api.md §4, decisions D3, D25.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/sync.hpp>
#include <coir/timeout.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <string>
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
