// SPDX-License-Identifier: BSL-1.0
// LifoQueue and PriorityQueue: semantics.md rule 234.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/queue.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

TEST_CASE("rule 234: a LIFO queue gives the last item first") {
    on_every_order([] {
        coir::LifoQueue<int> queue(3);
        for (int i = 1; i <= 3; ++i) queue.put(i);
        CHECK(queue.full());
        auto putter = coir::create_task([&] { queue.put(4); });
        coir::sleep(1s);
        CHECK(queue.get() == 3);  // what waits outside is not in yet
        CHECK(queue.size() == 3);
        CHECK(queue.get() == 4);
        CHECK(queue.get() == 2);
        CHECK(queue.get_nowait() == 1);
        CHECK_THROWS_AS(queue.get_nowait(), coir::QueueEmpty);
        coir::await(putter);
    });
}

TEST_CASE("rule 234: a priority queue gives the least item first, and equal ones in order") {
    on_every_order([] {
        using Job = std::pair<int, int>;
        struct ByPriority {
            bool operator()(const Job& a, const Job& b) const { return a.first < b.first; }
        };
        coir::PriorityQueue<Job, ByPriority> queue;
        std::vector<Job> expected;
        unsigned state = 7;
        for (int i = 0; i < 300; ++i) {
            state = state * 1103515245 + 12345;
            const Job job{static_cast<int>((state >> 16) % 10), i};
            queue.put_nowait(job);
            expected.push_back(job);
            if (i % 5 == 4) {
                auto least = std::min_element(expected.begin(), expected.end());
                CHECK(queue.get() == *least);
                expected.erase(least);
            }
        }
        std::sort(expected.begin(), expected.end());
        for (const Job& job : expected) REQUIRE(queue.get() == job);
        CHECK(queue.empty());
    });
}

TEST_CASE("rule 234: a full priority queue gives its least, then lets the next one in") {
    on_every_order([] {
        coir::PriorityQueue<int, std::greater<int>> queue(2);
        CHECK(queue.maxsize() == 2);
        queue.put(5);
        queue.put(3);
        auto putter = coir::create_task([&] { queue.put(9); });
        coir::sleep(1s);
        CHECK(queue.get() == 5);
        CHECK(queue.get() == 9);
        CHECK(queue.get() == 3);
        coir::await(putter);
        auto getter = coir::create_task([&] { return queue.get(); });
        coir::sleep(1s);
        queue.put(1);
        queue.put(7);
        CHECK(coir::await(getter) == 1);
        CHECK(queue.get() == 7);
        for (int i = 0; i < 5; ++i) queue.task_done();
        queue.join();
        queue.shutdown(true);
        CHECK_THROWS_AS(queue.get(), coir::QueueShutDown);
    });
}

TEST_CASE("rule 234: a comparison that throws loses no item and adds none") {
    run_on_sim([] {
        bool refuse = false;
        auto less = [&](int a, int b) {
            if (refuse) throw std::runtime_error("cannot say");
            return a < b;
        };
        coir::PriorityQueue<int, decltype(less)> queue(0, less);
        for (int item : {4, 2, 5, 1, 3}) queue.put(item);
        refuse = true;
        CHECK_THROWS_AS(queue.put(0), std::runtime_error);
        CHECK_THROWS_AS(queue.get(), std::runtime_error);
        CHECK(queue.size() == 5);
        refuse = false;
        for (int item = 1; item <= 5; ++item) CHECK(queue.get() == item);
    });
}

TEST_CASE("rule 224: a put that is refused does not move from its item") {
    run_on_sim([] {
        coir::Queue<std::unique_ptr<int>> queue(1);
        auto item = std::make_unique<int>(1);
        CHECK(queue.try_put(std::move(item)));
        CHECK_FALSE(item);
        item = std::make_unique<int>(2);
        CHECK_FALSE(queue.try_put(std::move(item)));
        CHECK(item);
        coir::Channel<std::unique_ptr<int>> channel;
        CHECK_FALSE(channel.try_send(std::move(item)));
        CHECK(item);
    });
}
