// SPDX-License-Identifier: BSL-1.0
// Semaphore: semantics.md §2.17, decisions D3, D23, D25.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/sync.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

TEST_CASE("rule 210: a negative number of permits is an error; 0 waits for the first release") {
    CHECK_THROWS_AS(coir::Semaphore(-1), std::invalid_argument);
    CHECK_THROWS_AS(coir::BoundedSemaphore(-1), std::invalid_argument);
    on_every_order([] {
        coir::Semaphore semaphore(0);
        CHECK(semaphore.locked());
        CHECK_FALSE(semaphore.try_acquire());
        auto task = coir::create_task([&] { semaphore.acquire(); });
        coir::sleep(1s);
        CHECK_FALSE(task.done());
        semaphore.release();
        coir::await(task);
        CHECK(semaphore.locked());
    });
}

TEST_CASE("rule 210: a semaphore is a lock for std::scoped_lock, and frees its permit") {
    on_every_order([] {
        coir::Semaphore semaphore(2);
        int inside = 0;
        int most = 0;
        std::vector<coir::Task<void>> tasks;
        for (int i = 0; i < 10; ++i) {
            tasks.push_back(coir::create_task([&] {
                std::scoped_lock permit(semaphore);
                most = std::max(most, ++inside);
                coir::sleep(1s);
                --inside;
            }));
        }
        for (auto& task : tasks) coir::await(task);
        CHECK(most == 2);
        CHECK_FALSE(semaphore.locked());
        CHECK(semaphore.try_lock());
        semaphore.unlock();
    });
}

TEST_CASE("rule 211: permits go to waiters in order, and a newcomer gets none of theirs") {
    on_every_order([] {
        coir::Semaphore semaphore(1);
        std::string order;
        semaphore.acquire();
        auto worker = [&](char name) {
            semaphore.acquire();
            order += name;
        };
        auto a = coir::create_task(worker, 'a');
        coir::sleep(1s);
        auto b = coir::create_task(worker, 'b');
        coir::sleep(1s);
        semaphore.release();
        CHECK(semaphore.locked());  // it is a's already
        CHECK_FALSE(semaphore.try_acquire());
        auto c = coir::create_task(worker, 'c');
        coir::sleep(1s);
        CHECK(order == "a");
        semaphore.release();
        coir::sleep(1s);
        semaphore.release();
        coir::await(c);
        CHECK(order == "abc");
    });
}

TEST_CASE("rule 212: several releases before the waiters run wake that many") {
    on_every_order([] {
        for (bool at_once : {false, true}) {
            coir::Semaphore semaphore(0);
            int through = 0;
            std::vector<coir::Task<void>> tasks;
            for (int i = 0; i < 4; ++i) {
                tasks.push_back(coir::create_task([&] {
                    semaphore.acquire();
                    ++through;
                }));
            }
            coir::sleep(1s);
            if (at_once) {
                semaphore.release(3);
            } else {
                for (int i = 0; i < 3; ++i) semaphore.release();
            }
            coir::sleep(1s);
            CHECK(through == 3);
            semaphore.release(3);  // one for who waits, two to spare
            coir::sleep(1s);
            CHECK(through == 4);
            CHECK(semaphore.try_acquire());
            CHECK(semaphore.try_acquire());
            CHECK_FALSE(semaphore.try_acquire());
        }
    });
}

TEST_CASE("rule 213: a waiter cancelled before the release leaves the permit to the next") {
    on_every_order([] {
        coir::Semaphore semaphore(0);
        auto a = coir::create_task([&] { semaphore.acquire(); });
        coir::sleep(1s);
        auto b = coir::create_task([&] { semaphore.acquire(); });
        coir::sleep(1s);
        a.cancel();
        semaphore.release();
        coir::await(b);
        coir::sleep(1s);
        CHECK(a.cancelled());
        CHECK(semaphore.locked());
        semaphore.release();
        CHECK(semaphore.try_acquire());
    });
}

TEST_CASE("rule 214, D3: a waiter cancelled after the release that chose it has its permit") {
    on_every_order([] {
        coir::Semaphore semaphore(0);
        bool acquired = false;
        auto chosen = coir::create_task([&] {
            std::scoped_lock permit(semaphore);
            acquired = true;
            coir::yield_now();
        });
        coir::sleep(1s);
        auto next = coir::create_task([&] { semaphore.acquire(); });
        coir::sleep(1s);
        semaphore.release();
        chosen.cancel();
        coir::await(next);
        CHECK(acquired);
        CHECK(chosen.cancelled());
        CHECK(semaphore.locked());
    });
}

TEST_CASE("rule 215: a bounded semaphore refuses more releases than acquires, and stays as it was") {
    run_on_sim([] {
        coir::BoundedSemaphore semaphore(2);
        CHECK_THROWS_AS(semaphore.release(), coir::InvalidStateError);
        semaphore.acquire();
        CHECK_THROWS_AS(semaphore.release(2), coir::InvalidStateError);
        semaphore.release();
        semaphore.acquire();
        semaphore.acquire();
        CHECK_FALSE(semaphore.try_acquire());
        semaphore.release(2);
        CHECK_THROWS_AS(semaphore.release(), coir::InvalidStateError);
        coir::BoundedSemaphore none(0);
        CHECK_THROWS_AS(none.release(), coir::InvalidStateError);
    });
}

TEST_CASE("rule 215: a release of no permits, or of more than can be counted, is refused") {
    run_on_sim([] {
        coir::Semaphore semaphore(1);
        CHECK_THROWS_AS(semaphore.release(0), std::invalid_argument);
        CHECK_THROWS_AS(semaphore.release(-1), std::invalid_argument);
        const std::ptrdiff_t most = std::numeric_limits<std::ptrdiff_t>::max();
        CHECK_THROWS_AS(semaphore.release(most), std::overflow_error);
        CHECK(semaphore.try_acquire());
        CHECK_FALSE(semaphore.try_acquire());
        semaphore.release(most);
        CHECK_THROWS_AS(semaphore.release(), std::overflow_error);
    });
}

TEST_CASE("rule 192, D23: a free semaphore, shared lock or barrier of one does not switch") {
    run_on_sim([] {
        coir::Semaphore semaphore(1);
        coir::SharedLock shared;
        coir::Barrier barrier(1);
        bool other_ran = false;
        coir::spawn_detached([&] { other_ran = true; });
        for (int i = 0; i < 30; ++i) {
            std::scoped_lock hold(semaphore, shared);
            CHECK(barrier.wait() == 0);
        }
        for (int i = 0; i < 30; ++i) std::shared_lock hold(shared);
        CHECK_FALSE(other_ran);
        auto task = coir::create_task([&] {
            auto refuses = [](auto call) {
                coir::current_task().cancel();
                CHECK_THROWS_AS(call(), coir::CancelledError);
            };
            refuses([&] { semaphore.acquire(); });
            refuses([&] { shared.lock(); });
            refuses([&] { shared.lock_shared(); });
            refuses([&] { barrier.wait(); });
        });
        coir::await(task);
        CHECK_FALSE(semaphore.locked());
        CHECK_FALSE(shared.locked());
        CHECK(shared.readers() == 0);
    });
}
