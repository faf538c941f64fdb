// SPDX-License-Identifier: BSL-1.0
// What will happen by itself, in the order of virtual time.
#pragma once

#include <coir/time.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class Events {
public:
    void at(TimePoint when, std::function<void()> action) {
        heap_.push_back({when, next_++, std::move(action)});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    /// `never` when nothing will.
    TimePoint next() const noexcept { return heap_.empty() ? never : heap_.front().when; }
    /// What is due at `now`, also what that adds; how many they were.
    std::uint64_t run_due(TimePoint now) {
        std::uint64_t count = 0;
        while (!heap_.empty() && heap_.front().when <= now) {
            std::pop_heap(heap_.begin(), heap_.end(), later);
            const std::function<void()> action = std::move(heap_.back().action);
            heap_.pop_back();
            action();
            ++count;
        }
        return count;
    }
    void clear() noexcept { heap_.clear(); }

private:
    struct Event {
        TimePoint when;
        std::uint64_t sequence;  // of equal ones the older first
        std::function<void()> action;
    };
    static bool later(const Event& a, const Event& b) noexcept {
        return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
    }
    std::vector<Event> heap_;
    std::uint64_t next_ = 0;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
