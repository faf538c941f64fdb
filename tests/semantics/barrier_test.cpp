// SPDX-License-Identifier: BSL-1.0
// Barrier: semantics.md §2.17, decision D3.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/sync.hpp>

#include <chrono>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

TEST_CASE("rule 216: a barrier lets go when the n-th comes; each gets a number of its own") {
    on_every_order([] {
        coir::Barrier barrier(4);
        CHECK(barrier.parties() == 4);
        std::set<std::size_t> numbers;
        std::vector<coir::Task<void>> tasks;
        for (std::size_t i = 0; i < 3; ++i) {
            tasks.push_back(coir::create_task([&, i] {
                const std::size_t number = barrier.wait();
                CHECK(number == i);
                numbers.insert(number);
            }));
            coir::sleep(1s);
            CHECK(barrier.n_waiting() == i + 1);
        }
        CHECK(numbers.empty());
        CHECK(barrier.wait() == 3);
        CHECK(barrier.n_waiting() == 0);
        for (auto& task : tasks) coir::await(task);
        CHECK(numbers == std::set<std::size_t>{0, 1, 2});
    });
}

TEST_CASE("rule 217: a barrier of one never blocks, and is used again; of none is an error") {
    CHECK_THROWS_AS(coir::Barrier(0), std::invalid_argument);
    CHECK_THROWS_AS(coir::Barrier(-3), std::invalid_argument);
    run_on_sim([] {
        coir::Barrier barrier(1);
        for (int i = 0; i < 5; ++i) CHECK(barrier.wait() == 0);
        CHECK_FALSE(barrier.broken());
    });
    on_every_order([] {
        coir::Barrier barrier(3);
        std::vector<int> rounds(3);
        std::vector<coir::Task<void>> tasks;
        for (std::size_t i = 0; i < 3; ++i) {
            tasks.push_back(coir::create_task([&, i] {
                for (int round = 0; round < 10; ++round) {
                    for (int other : rounds) CHECK(std::abs(other - rounds[i]) <= 1);
                    ++rounds[i];
                    barrier.wait();
                }
            }));
        }
        for (auto& task : tasks) coir::await(task);
        CHECK(barrier.n_waiting() == 0);
    });
}

TEST_CASE("rule 218: who comes before the ones let go have run waits for the next time") {
    on_every_order([] {
        coir::Barrier barrier(2);
        auto first = coir::create_task([&] { return barrier.wait(); });
        coir::sleep(1s);
        CHECK(barrier.wait() == 1);
        // `first` has been let go, and has not run.
        auto newcomer = coir::create_task([&] { return barrier.wait(); });
        coir::sleep(1s);
        CHECK(first.done());
        CHECK_FALSE(newcomer.done());
        CHECK(barrier.n_waiting() == 1);
        CHECK(barrier.wait() == 1);
        CHECK(coir::await(newcomer) == 0);
    });
}

TEST_CASE("rule 219: a cancelled party counts no more, and the barrier is not broken") {
    on_every_order([] {
        coir::Barrier barrier(3);
        auto party = [&] { return barrier.wait(); };
        auto a = coir::create_task(party);
        coir::sleep(1s);
        auto b = coir::create_task(party);
        coir::sleep(1s);
        CHECK(barrier.n_waiting() == 2);
        a.cancel();
        coir::sleep(1s);
        CHECK(a.cancelled());
        CHECK(barrier.n_waiting() == 1);
        CHECK_FALSE(barrier.broken());
        auto c = coir::create_task(party);
        coir::sleep(1s);
        CHECK_FALSE(b.done());
        CHECK(barrier.wait() == 2);
        CHECK(coir::await(b) == 0);
        CHECK(coir::await(c) == 1);
    });
}

TEST_CASE("rule 219, D3: a party cancelled after it was let go has passed") {
    on_every_order([] {
        coir::Barrier barrier(2);
        bool passed = false;
        auto party = coir::create_task([&] {
            barrier.wait();
            passed = true;
            coir::yield_now();
        });
        coir::sleep(1s);
        barrier.wait();
        party.cancel();
        coir::sleep(1s);
        CHECK(passed);
        CHECK(party.cancelled());
    });
}

TEST_CASE("rule 220: reset breaks the wait of who is there, not of who was let go, and starts anew") {
    on_every_order([] {
        coir::Barrier barrier(2);
        auto party = [&] { return barrier.wait(); };
        auto waiting = coir::create_task(party);
        coir::sleep(1s);
        barrier.reset();
        CHECK(barrier.n_waiting() == 0);
        CHECK_FALSE(barrier.broken());
        CHECK_THROWS_AS(coir::await(waiting), coir::BrokenBarrierError);

        auto let_go = coir::create_task(party);
        coir::sleep(1s);
        CHECK(barrier.wait() == 1);
        barrier.reset();
        CHECK(coir::await(let_go) == 0);
        auto again = coir::create_task(party);
        coir::sleep(1s);
        barrier.wait();
        coir::await(again);
    });
}

TEST_CASE("rule 221: abort breaks the wait of who is there and who comes, until reset") {
    on_every_order([] {
        coir::Barrier barrier(2);
        auto party = [&] { return barrier.wait(); };
        auto waiting = coir::create_task(party);
        coir::sleep(1s);
        barrier.abort();
        CHECK(barrier.broken());
        CHECK_THROWS_AS(barrier.wait(), coir::BrokenBarrierError);
        CHECK_THROWS_AS(coir::await(waiting), coir::BrokenBarrierError);
        CHECK(barrier.n_waiting() == 0);
        barrier.reset();
        CHECK_FALSE(barrier.broken());
        auto again = coir::create_task(party);
        coir::sleep(1s);
        barrier.wait();
        CHECK(coir::await(again) == 0);

        auto let_go = coir::create_task(party);
        coir::sleep(1s);
        barrier.wait();
        barrier.abort();
        CHECK(coir::await(let_go) == 0);  // it had been let go
    });
}
