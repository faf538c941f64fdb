// SPDX-License-Identifier: BSL-1.0
// Policies: which ready entry runs next.
#pragma once

#include "choices.hpp"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

/// Proposes; Choices decides and logs. Tasks are told apart by the order in which they were first
/// seen, since their numbers depend on what else the process has run.
class Order {
public:
    Order(testing::SimOrder order, std::uint64_t seed);
    testing::SimOrder kind() const noexcept { return kind_; }
    /// A number below `count`; `tasks` as in Sys::pick_entry().
    std::uint32_t propose(const std::uint64_t* tasks, std::size_t count, TimePoint now) noexcept;
    /// The same for threads, of which the last one may be the one that has just run.
    std::uint32_t propose_thread(std::uint32_t count) noexcept;

private:
    std::uint32_t by_priority(const std::uint64_t* tasks, std::size_t count) noexcept;
    std::uint32_t without_victim(const std::uint64_t* tasks, std::size_t count,
                                 TimePoint now) noexcept;
    std::uint64_t& priority_of(std::uint64_t task);

    testing::SimOrder kind_;
    Random random_;
    Random thread_random_;
    std::uint64_t step_ = 0;
    // priorities: when the one that runs is lowered, and below everything that was drawn.
    std::vector<std::uint64_t> drops_;
    std::uint64_t lowest_ = 64;
    std::unordered_map<std::uint64_t, std::uint64_t> priorities_;  // only looked up
    // starvation
    std::uint64_t victim_ = 0;
    std::uint64_t steps_until_change_ = 0;
    TimePoint starved_until_{};
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
