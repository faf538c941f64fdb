// SPDX-License-Identifier: BSL-1.0
// From measurements to a recommendation: pure arithmetic, so that it can be tested.
#pragma once

#include "rounds.hpp"
#include "summary.hpp"

#include <string>
#include <vector>

namespace coir_tool {

/// How a reactor did against the base: geometric means over the cases, round by round.
struct Contender {
    std::string reactor;
    Comparison echo;    ///< throughput
    Comparison upkeep;  ///< spawning and timers: only to break ties
};

struct Recommendation {
    std::string reactor;
    std::string reason;         ///< one sentence
    bool beyond_noise = false;  ///< measured better than the base, not chosen for portability
    std::size_t rounds = 0;
    std::string base;                   ///< that the others were compared with
    std::vector<Contender> contenders;  ///< all but the base
};

/// What a reactor must be better by to be worth leaving the most portable one: 2 % in throughput,
/// 10 % in upkeep where throughput does not tell.
inline constexpr double echo_margin = 1.02;
inline constexpr double upkeep_margin = 1.10;

/// REQUIRES: results of the same reactors in the same order, the most portable one first.
Recommendation recommend(const std::vector<WorkloadResult>& results);

}  // namespace coir_tool
