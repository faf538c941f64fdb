// SPDX-License-Identifier: BSL-1.0
// The timer heap against a model: an ordered map of deadlines, the order of arming among equal ones.
#include "support/catch.hpp"

#include "runtime/timer_heap.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace {

using coir::TimePoint;
using coir::detail::TimerHeap;
using coir::detail::TimerNode;

TimePoint at(std::int64_t nanoseconds) { return TimePoint(std::chrono::nanoseconds(nanoseconds)); }

// Arms, disarms and fires at random; `deadlines` says how many different ones there are.
void compare_with_model(std::uint32_t seed, std::int64_t deadlines) {
    std::mt19937 random(seed);
    std::vector<TimerNode> nodes(300);
    using Key = std::pair<std::int64_t, std::uint64_t>;
    std::map<Key, TimerNode*> model;
    std::map<TimerNode*, Key> armed;
    TimerHeap heap;
    std::uint64_t order = 0;
    for (int step = 0; step < 20'000; ++step) {
        TimerNode& node = nodes[random() % nodes.size()];
        const auto known = armed.find(&node);
        if (known != armed.end()) {
            heap.disarm(node);
            model.erase(known->second);
            armed.erase(known);
        } else {
            const Key key{static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(deadlines)), ++order};
            heap.arm(node, at(key.first));
            model.emplace(key, &node);
            armed.emplace(&node, key);
        }
        if (random() % 8 == 0 && !model.empty()) {
            const auto first = model.begin();
            REQUIRE(heap.pop_due(at(first->first.first - 1), heap.sequence()) == nullptr);
            REQUIRE(heap.pop_due(at(first->first.first), heap.sequence()) == first->second);
            armed.erase(first->second);
            model.erase(first);
        }
        REQUIRE(heap.size() == model.size());
        REQUIRE(heap.next() == (model.empty() ? coir::never : at(model.begin()->first.first)));
    }
    for (const auto& [key, node] : model) REQUIRE(heap.pop_due(coir::never, heap.sequence()) == node);
    CHECK(heap.empty());
}

}  // namespace

TEST_CASE("timer heap: any order of arming, disarming and firing does what a model does") {
    for (const std::int64_t deadlines : {1, 3, 50, 1'000'000}) {
        for (std::uint32_t seed = 1; seed <= 5; ++seed) compare_with_model(seed, deadlines);
    }
}

TEST_CASE("timer heap: what is armed after the look waits for the next one") {
    TimerHeap heap;
    TimerNode early;
    TimerNode late;
    heap.arm(early, at(5));
    const std::uint64_t looked = heap.sequence();
    heap.arm(late, at(3));
    CHECK(heap.pop_due(at(9), looked) == nullptr);  // it is first, and was armed too late
    heap.disarm(late);
    CHECK(heap.pop_due(at(9), looked) == &early);
    heap.disarm(late);  // harmless
    CHECK(heap.empty());
}
