// SPDX-License-Identifier: BSL-1.0
// See order.hpp.
#include "order.hpp"

#include <algorithm>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

using testing::SimOrder;

namespace {

constexpr std::uint32_t steps_of_a_run = 500;  // what PCT's drops are spread over

SimOrder drawn_order(Random& random) noexcept {
    constexpr SimOrder kinds[] = {SimOrder::uniform,    SimOrder::uniform, SimOrder::priorities,
                                  SimOrder::priorities, SimOrder::fifo,    SimOrder::starvation};
    return kinds[random.below(std::size(kinds))];
}

}  // namespace

Order::Order(SimOrder order, std::uint64_t seed) 
    : kind_(order), random_(seed ^ 0x6f72646572u), thread_random_(seed ^ 0x746872656164u) {
    const SimOrder drawn = drawn_order(random_);
    if (kind_ == SimOrder::drawn) kind_ = drawn;
    steps_until_change_ = random_.below(50);
    if (kind_ != SimOrder::priorities) return;
    const std::uint32_t depth = 1 + random_.below(4);
    for (std::uint32_t i = 1; i < depth; ++i) drops_.push_back(1 + random_.below(steps_of_a_run));
    std::sort(drops_.begin(), drops_.end());
}

std::uint64_t& Order::priority_of(std::uint64_t task) {
    const auto [at, is_new] = priorities_.try_emplace(task, 0);
    if (is_new) at->second = 64 + (random_.next() >> 1);
    return at->second;
}

// The ready one with the highest priority; the first one of equals.
std::uint32_t Order::by_priority(const std::uint64_t* tasks, std::size_t count) noexcept {
    std::size_t best = 0;
    for (std::size_t i = 1; i < count; ++i) {
        if (priority_of(tasks[i]) > priority_of(tasks[best])) best = i;
    }
    if (!drops_.empty() && step_ >= drops_.front()) {
        drops_.erase(drops_.begin());
        priority_of(tasks[best]) = --lowest_;
        return by_priority(tasks, count);
    }
    return static_cast<std::uint32_t>(best);
}

// The first one that is not the victim. Time stands still while others run without end, so that the
// number of steps bounds the starving as well.
std::uint32_t Order::without_victim(const std::uint64_t* tasks, std::size_t count,
                                    TimePoint now) noexcept {
    if (steps_until_change_ == 0 || (victim_ != 0 && now >= starved_until_)) {
        victim_ = victim_ == 0 ? tasks[random_.below(static_cast<std::uint32_t>(count))] : 0;
        steps_until_change_ = 1 + random_.below(victim_ == 0 ? 50 : 500);
        starved_until_ = now + std::chrono::milliseconds(1 + random_.below(2000));
    }
    --steps_until_change_;
    if (victim_ == 0) return 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (tasks[i] != victim_) return static_cast<std::uint32_t>(i);
    }
    return 0;
}

// In a row; any; or the same one for long, so that the others fall behind.
std::uint32_t Order::propose_thread(std::uint32_t count) noexcept {
    switch (kind_) {
        case SimOrder::fifo:
            return 0;
        case SimOrder::priorities:
        case SimOrder::starvation:
            if (thread_random_.below(16) != 0) return count - 1;
            break;
        case SimOrder::uniform:
        case SimOrder::drawn:
            break;
    }
    return thread_random_.below(count);
}

std::uint32_t Order::propose(const std::uint64_t* tasks, std::size_t count,
                             TimePoint now) noexcept {
    ++step_;
    switch (kind_) {
        case SimOrder::uniform:
        case SimOrder::drawn:
            return random_.below(static_cast<std::uint32_t>(count));
        case SimOrder::priorities:
            return by_priority(tasks, count);
        case SimOrder::starvation:
            return without_victim(tasks, count, now);
        case SimOrder::fifo:
            break;
    }
    return 0;
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
