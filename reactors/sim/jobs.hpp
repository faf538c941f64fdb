// SPDX-License-Identifier: BSL-1.0
// What threads of a loop's pool would do for coir itself: calls that would hold up a loop. The world makes
// them, each in one piece, when its time has come.
#pragma once

#include <coir/detail/config.hpp>

#include <cstdint>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

class Sys;

namespace sim {

class World;

class Jobs {
public:
    using Run = void (*)(void*) noexcept;

    explicit Jobs(World& world) : world_(world) {}

    /// `run(argument)` in a while, for a loop of `owner`'s.
    void add(const Sys& owner, Run run, void* argument);
    /// Whether it was there, and now is not.
    bool withdraw(const void* argument) noexcept;
    /// The owner is gone: none of its jobs will run.
    void forget(const Sys& owner) noexcept;

private:
    struct Job {
        const Sys* owner;
        Run run;
        void* argument;
        std::uint64_t number;
    };
    void begin(std::uint64_t number) noexcept;

    World& world_;
    std::vector<Job> jobs_;
    std::uint64_t last_ = 0;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
