// SPDX-License-Identifier: BSL-1.0
// Queue: semantics.md §2.18, decisions D3, D25.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/queue.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

TEST_CASE("rule 222: items leave in order; size, full and empty are exact") {
    run_on_sim([] {
        coir::Queue<int> bounded(3);
        CHECK(bounded.maxsize() == 3);
        CHECK((bounded.empty() && !bounded.full()));
        for (int i = 1; i <= 3; ++i) {
            bounded.put(i);
            CHECK(bounded.size() == static_cast<std::size_t>(i));
            CHECK_FALSE(bounded.empty());
            CHECK(bounded.full() == (i == 3));
        }
        for (int i = 1; i <= 3; ++i) CHECK(bounded.get() == i);
        CHECK(bounded.empty());
        for (std::ptrdiff_t limit : {0, -5}) {
            coir::Queue<int> unbounded(limit);
            for (int i = 0; i < 10'000; ++i) unbounded.put_nowait(i);
            CHECK_FALSE(unbounded.full());
            for (int i = 0; i < 10'000; ++i) REQUIRE(unbounded.get_nowait() == i);
        }
    });
}

TEST_CASE("rule 223, B39: put waits for room, and goes on after a get") {
    on_every_order([] {
        coir::Queue<int> queue(1);
        queue.put(1);
        auto putter = coir::create_task([&] {
            queue.put(2);
            queue.put(3);
        });
        coir::sleep(1s);
        CHECK_FALSE(putter.done());
        CHECK(queue.size() == 1);
        CHECK(queue.get() == 1);
        CHECK(queue.full());  // the waiting item has moved up at once
        coir::sleep(1s);
        CHECK_FALSE(putter.done());
        CHECK(queue.get() == 2);
        coir::await(putter);
        CHECK(queue.get() == 3);
    });
}

TEST_CASE("rule 224: the nowait forms throw, the try forms tell") {
    run_on_sim([] {
        coir::Queue<std::string> queue(1);
        CHECK_THROWS_AS(queue.get_nowait(), coir::QueueEmpty);
        CHECK_FALSE(queue.try_get().has_value());
        queue.put_nowait("one");
        CHECK_THROWS_AS(queue.put_nowait("two"), coir::QueueFull);
        CHECK_FALSE(queue.try_put("two"));
        CHECK(queue.get_nowait() == "one");
        CHECK(queue.try_put("three"));
        CHECK(queue.try_get() == std::optional<std::string>("three"));
    });
}

TEST_CASE("rule 225, D23: put and get that need not wait do not switch") {
    run_on_sim([] {
        coir::Queue<int> queue;
        bool other_ran = false;
        coir::spawn_detached([&] { other_ran = true; });
        for (int i = 0; i < 50; ++i) {
            queue.put(i);
            CHECK(queue.get() == i);
        }
        CHECK_FALSE(other_ran);
        for (int i = 0; i < 50; ++i) {
            queue.put(i);
            queue.get();
        }
        CHECK(other_ran);  // a credit for each, and 128 of them
    });
}

TEST_CASE("rule 226: a cancelled getter or putter leaves nothing, and no item is lost") {
    on_every_order([] {
        coir::Queue<int> queue(1);
        auto getter = [&] { return queue.get(); };
        auto a = coir::create_task(getter);
        coir::sleep(1s);
        auto b = coir::create_task(getter);
        coir::sleep(1s);
        a.cancel();
        queue.put_nowait(1);  // in the same step: goes to b
        CHECK(coir::await(b) == 1);
        coir::sleep(1s);
        CHECK(a.cancelled());
        CHECK(queue.empty());

        queue.put_nowait(2);
        auto putter = [&](int item) { queue.put(item); };
        auto c = coir::create_task(putter, 3);
        coir::sleep(1s);
        auto d = coir::create_task(putter, 4);
        coir::sleep(1s);
        c.cancel();
        CHECK(queue.get() == 2);
        coir::await(d);
        coir::sleep(1s);
        CHECK(c.cancelled());
        CHECK(queue.get() == 4);
        CHECK(queue.empty());
    });
}

TEST_CASE("rule 227, D3: a getter that is cancelled after it was chosen has its item") {
    on_every_order([] {
        coir::Queue<std::unique_ptr<int>> queue;
        int received = 0;
        auto getter = coir::create_task([&] {
            received = *queue.get();
            coir::yield_now();
        });
        coir::sleep(1s);
        queue.put_nowait(std::make_unique<int>(5));
        CHECK(queue.empty());  // it is on its way
        getter.cancel();
        coir::sleep(1s);
        CHECK(received == 5);
        CHECK(getter.cancelled());
        CHECK(queue.empty());
    });
}

TEST_CASE("rule 228, D3: a putter that is cancelled after it was chosen has put its item") {
    on_every_order([] {
        coir::Queue<int> queue(1);
        queue.put(1);
        bool returned = false;
        auto chosen = coir::create_task([&] {
            queue.put(2);
            returned = true;
            coir::yield_now();
        });
        coir::sleep(1s);
        auto next = coir::create_task([&] { queue.put(3); });
        coir::sleep(1s);
        CHECK(queue.get() == 1);
        chosen.cancel();
        coir::sleep(1s);
        CHECK(returned);
        CHECK(chosen.cancelled());
        CHECK(queue.get() == 2);
        CHECK(queue.get() == 3);
        CHECK(queue.empty());
        coir::await(next);
    });
}

TEST_CASE("rule 229, D25: nobody steals an item from a getter that was woken") {
    run_on_sim([] {
        coir::Queue<int> queue;
        std::string order;
        auto getter = [&](char name) {
            const int item = queue.get();
            order += name;
            order += std::to_string(item);
        };
        auto a = coir::create_task(getter, 'a');
        auto b = coir::create_task(getter, 'b');
        coir::yield_now();
        queue.put_nowait(1);
        queue.put_nowait(2);
        CHECK_THROWS_AS(queue.get_nowait(), coir::QueueEmpty);
        CHECK_FALSE(queue.try_get().has_value());
        queue.put_nowait(3);
        CHECK(queue.get_nowait() == 3);
        coir::await(a);
        coir::await(b);
        CHECK(order == "a1b2");
    });
}

TEST_CASE("rule 229: a newcomer's put does not overtake one that waits") {
    run_on_sim([] {
        coir::Queue<int> queue(1);
        queue.put(1);
        auto putter = coir::create_task([&] { queue.put(2); });
        coir::yield_now();
        CHECK(queue.get() == 1);
        CHECK_THROWS_AS(queue.put_nowait(3), coir::QueueFull);
        CHECK(queue.get() == 2);
        queue.put_nowait(3);
        CHECK(queue.get() == 3);
        coir::await(putter);
    });
}

TEST_CASE("rule 222-229: producers and consumers, some cancelled: every item counts once") {
    on_every_order([] {
        coir::Queue<int> queue(3);
        std::vector<int> received;
        std::vector<int> sent;
        std::vector<coir::Task<void>> producers, consumers;
        for (int p = 0; p < 5; ++p) {
            producers.push_back(coir::create_task([&, p] {
                for (int i = 0; i < 20; ++i) {
                    queue.put(p * 100 + i);
                    sent.push_back(p * 100 + i);
                    if (i % 7 == p) coir::sleep(1ms);
                }
            }));
        }
        for (int c = 0; c < 6; ++c) {
            consumers.push_back(coir::create_task([&, c] {
                for (;;) {
                    received.push_back(queue.get());
                    if (c % 2 == 0) coir::yield_now();
                }
            }));
        }
        coir::sleep(1ms);
        consumers[0].cancel();
        consumers[1].cancel();
        producers[2].cancel();
        for (std::size_t p : {0u, 1u, 3u, 4u}) coir::await(producers[p]);
        coir::sleep(1s);
        for (auto& consumer : consumers) consumer.cancel();
        coir::sleep(1s);
        std::sort(received.begin(), received.end());
        // A put that completed before its task was cancelled is in, though it was not noted.
        CHECK(std::adjacent_find(received.begin(), received.end()) == received.end());
        for (int item : sent) {
            CHECK(std::binary_search(received.begin(), received.end(), item));
        }
        CHECK(received.size() - sent.size() <= 1);
        CHECK(queue.empty());
    });
}

TEST_CASE("rule 230: join waits until every item has been worked off") {
    on_every_order([] {
        coir::Queue<int> queue;
        queue.join();  // a fresh one: at once
        auto worker = coir::create_task([&] {
            for (;;) {
                const int item = queue.get();
                coir::sleep(1s);
                if (item == 1) queue.put_nowait(3);  // prolongs it
                queue.task_done();
            }
        });
        queue.put_nowait(1);
        queue.put_nowait(2);
        const auto start = coir::get_running_loop().time();
        auto other = coir::create_task([&] { queue.join(); });
        queue.join();
        CHECK(coir::get_running_loop().time() - start == 3s);
        coir::await(other);
        worker.cancel();
    });
}

TEST_CASE("rule 230: items that are handed over directly count for join") {
    run_on_sim([] {
        coir::Queue<int> queue(1);
        auto getter = coir::create_task([&] { return queue.get(); });
        coir::yield_now();
        queue.put_nowait(1);  // straight to the getter
        auto joiner = coir::create_task([&] { queue.join(); });
        CHECK(coir::await(getter) == 1);
        coir::sleep(1s);
        CHECK_FALSE(joiner.done());
        queue.task_done();
        coir::await(joiner);

        queue.put_nowait(2);
        auto putter = coir::create_task([&] { queue.put(3); });  // moves up at the get
        coir::yield_now();
        CHECK(queue.get() == 2);
        queue.task_done();
        auto again = coir::create_task([&] { queue.join(); });
        coir::sleep(1s);
        CHECK_FALSE(again.done());
        CHECK(queue.get() == 3);
        queue.task_done();
        coir::await(again);
        coir::await(putter);
    });
}

TEST_CASE("rule 231: task_done too often is an error") {
    run_on_sim([] {
        coir::Queue<int> queue;
        CHECK_THROWS_AS(queue.task_done(), std::logic_error);
        queue.put(1);
        queue.task_done();
        CHECK_THROWS_AS(queue.task_done(), std::logic_error);
        queue.join();
    });
}

TEST_CASE("rule 232: shutdown refuses puts, lets what is in be taken, and wakes who waits") {
    on_every_order([] {
        coir::Queue<int> queue(1);
        queue.put(1);
        auto putter = coir::create_task([&] { queue.put(2); });
        coir::sleep(1s);
        queue.shutdown();
        queue.shutdown();
        CHECK_THROWS_AS(coir::await(putter), coir::QueueShutDown);
        CHECK_THROWS_AS(queue.put(3), coir::QueueShutDown);
        CHECK_THROWS_AS(queue.put_nowait(3), coir::QueueShutDown);
        CHECK_THROWS_AS(queue.try_put(3), coir::QueueShutDown);
        CHECK(queue.get() == 1);
        CHECK_THROWS_AS(queue.get(), coir::QueueShutDown);
        CHECK_THROWS_AS(queue.get_nowait(), coir::QueueShutDown);
        queue.task_done();
        queue.join();

        coir::Queue<int> empty;
        auto getter = coir::create_task([&] { return empty.get(); });
        coir::sleep(1s);
        empty.shutdown();
        CHECK_THROWS_AS(coir::await(getter), coir::QueueShutDown);
    });
}

TEST_CASE("rule 232: a getter that was given its item keeps it through a shutdown") {
    run_on_sim([] {
        coir::Queue<int> queue;
        auto getter = coir::create_task([&] { return queue.get(); });
        coir::yield_now();
        queue.put_nowait(8);
        queue.shutdown(true);
        CHECK(coir::await(getter) == 8);
        queue.task_done();
        queue.join();
    });
}

TEST_CASE("rule 233: an immediate shutdown discards items and counts them as done") {
    on_every_order([] {
        coir::Queue<std::shared_ptr<int>> queue;
        auto item = std::make_shared<int>(1);
        for (int i = 0; i < 3; ++i) queue.put_nowait(item);
        auto joiner = coir::create_task([&] { queue.join(); });
        coir::sleep(1s);
        CHECK_FALSE(joiner.done());
        queue.shutdown(true);
        CHECK(item.use_count() == 1);
        coir::await(joiner);
        CHECK_THROWS_AS(queue.get(), coir::QueueShutDown);

        coir::Queue<int> processing;
        processing.put_nowait(1);
        processing.put_nowait(2);
        CHECK(processing.get() == 1);  // and being worked on
        auto waits = coir::create_task([&] { processing.join(); });
        coir::sleep(1s);
        processing.shutdown(true);
        coir::sleep(1s);
        CHECK_FALSE(waits.done());
        processing.task_done();
        coir::await(waits);
        CHECK_THROWS_AS(processing.task_done(), std::logic_error);
    });
}
