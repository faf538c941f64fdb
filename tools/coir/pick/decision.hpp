// SPDX-License-Identifier: BSL-1.0
// From measurements to a recommendation: pure arithmetic, so that it can be tested.
#pragma once

#include "bench/result.hpp"
#include "bench/summary.hpp"

#include <string>
#include <vector>

namespace coir_tool {

/// What the best reactor is to be best at.
enum class Goal : unsigned char { throughput, p99, cpu, memory };

/// "throughput, p99, cpu, memory".
const std::vector<std::string>& goal_names();
const std::string& name_of(Goal goal);
/// REQUIRES: one of the names.
Goal goal_of(const std::string& name);

/// How a reactor did against the base: geometric means over the cases, round by round.
struct Contender {
    std::string reactor;
    Comparison goal;
    Comparison tie_break;
    /// At the goal, each alone; in the order of the cases that some reactor could do.
    std::vector<Comparison> cases;
};

struct Recommendation {
    std::string reactor;
    std::string reason;         ///< one sentence
    bool beyond_noise = false;  ///< measured better than the base, not chosen for portability
    std::size_t rounds = 0;
    std::string base;                   ///< that the others were compared with
    std::vector<Contender> contenders;  ///< all but the base
};

/// What a reactor must be better by to be worth leaving the most portable one: 2 % at the goal, or
/// 10 % at what breaks ties, where the goal does not tell.
inline constexpr double goal_margin = 1.02;
inline constexpr double tie_break_margin = 1.10;

/// What breaks ties: CPU time per operation; throughput where that is the goal.
Goal tie_break_of(Goal goal);

/// Without a reactor when all have failed. REQUIRES: results of the same reactors in the same order,
/// the most portable one first.
Recommendation recommend(const std::vector<CaseResult>& cases, Goal goal);

}  // namespace coir_tool
