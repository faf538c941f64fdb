// SPDX-License-Identifier: BSL-1.0
#include "pick_decision.hpp"

#include "table.hpp"

#include <algorithm>
#include <cmath>

namespace coir_tool {
namespace {

// Speeds of reactor `index` against reactor `base`, one for each round: the geometric mean over all
// cases of echo, or over all other cases.
std::vector<double> speeds_of(const std::vector<WorkloadResult>& results, std::size_t index,
                              std::size_t base, std::size_t rounds, bool of_echo) {
    std::vector<double> speeds;
    for (std::size_t round = 0; round < rounds; ++round) {
        double sum = 0;
        double cases = 0;
        for (const WorkloadResult& result : results) {
            if ((result.workload->scenario == "echo") != of_echo) continue;
            for (std::size_t c = 0; c < result.workload->cases.size(); ++c) {
                const double ratio = result.reactors[index].samples[c][round].value /
                                     result.reactors[base].samples[c][round].value;
                const bool higher = result.workload->cases[c].higher_is_better;
                sum += higher ? std::log(ratio) : -std::log(ratio);
                cases += 1;
            }
        }
        speeds.push_back(cases == 0 ? 1.0 : std::exp(sum / cases));
    }
    return speeds;
}

bool failed_somewhere(const std::vector<WorkloadResult>& results, std::size_t index) {
    return std::any_of(results.begin(), results.end(), [index](const WorkloadResult& result) {
        return !result.reactors[index].failure.empty();
    });
}

std::string describe(const Comparison& comparison) {
    return format_fixed(comparison.speed, 2) + " times (95 % interval " +
           format_fixed(comparison.speed_interval.low, 2) + " to " +
           format_fixed(comparison.speed_interval.high, 2) + ")";
}

struct Candidate {
    std::size_t index = 0;
    Contender contender;
};

// Of those that beat the base by their margin beyond noise, the fastest; when the runner-up is as
// fast within noise, the more portable of the two, which comes first.
const Candidate* choose(const std::vector<WorkloadResult>& results,
                        const std::vector<Candidate>& candidates, std::size_t rounds,
                        bool by_echo) {
    const auto comparison_of = [by_echo](const Candidate& candidate) -> const Comparison& {
        return by_echo ? candidate.contender.echo : candidate.contender.upkeep;
    };
    const Candidate* best = nullptr;
    for (const Candidate& candidate : candidates) {
        const Comparison& comparison = comparison_of(candidate);
        if (comparison.finding != Finding::faster) continue;
        if (comparison.speed_interval.low <= (by_echo ? echo_margin : upkeep_margin)) continue;
        // Upkeep must not be bought with throughput.
        if (!by_echo && candidate.contender.echo.finding == Finding::slower) continue;
        if (best) {
            const Comparison against =
                compare_speeds(speeds_of(results, candidate.index, best->index, rounds, by_echo));
            if (against.finding != Finding::faster) continue;
        }
        best = &candidate;
    }
    return best;
}

std::string portability_reason(const std::string& base, bool enough_rounds, bool alone) {
    if (alone) return "it is the only candidate";
    if (!enough_rounds) {
        return "too few rounds for a verdict: " + base +
               ", because it is the most portable; give it "
               "a larger --budget";
    }
    return "no difference beyond noise that is worth it: " + base +
           ", because it is the most portable";
}

}  // namespace

Recommendation recommend(const std::vector<WorkloadResult>& results) {
    Recommendation recommendation;
    std::vector<std::size_t> sound;  // that failed nowhere
    for (std::size_t index = 0; index < results.at(0).reactors.size(); ++index) {
        if (!failed_somewhere(results, index)) sound.push_back(index);
    }
    if (sound.empty()) return recommendation;
    std::size_t rounds = static_cast<std::size_t>(-1);
    for (const WorkloadResult& result : results) rounds = std::min(rounds, result.rounds);
    recommendation.rounds = rounds;
    recommendation.base = results[0].reactors[sound[0]].reactor;
    recommendation.reactor = recommendation.base;

    std::vector<Candidate> candidates;
    for (std::size_t i = 1; i < sound.size() && rounds > 0; ++i) {
        candidates.push_back(
            {sound[i],
             {results[0].reactors[sound[i]].reactor,
              compare_speeds(speeds_of(results, sound[i], sound[0], rounds, true)),
              compare_speeds(speeds_of(results, sound[i], sound[0], rounds, false))}});
        recommendation.contenders.push_back(candidates.back().contender);
    }
    if (const Candidate* best = choose(results, candidates, rounds, true)) {
        recommendation.reactor = best->contender.reactor;
        recommendation.beyond_noise = true;
        recommendation.reason =
            describe(best->contender.echo) + " the echo throughput of " + recommendation.base;
    } else if (const Candidate* tidy = choose(results, candidates, rounds, false)) {
        recommendation.reactor = tidy->contender.reactor;
        recommendation.beyond_noise = true;
        recommendation.reason = "as fast as " + recommendation.base +
                                " at echo within noise, and " + describe(tidy->contender.upkeep) +
                                " as fast at spawning and timers";
    } else {
        recommendation.reason = portability_reason(
            recommendation.base, rounds >= rounds_for_interval, sound.size() == 1);
    }
    return recommendation;
}

}  // namespace coir_tool
