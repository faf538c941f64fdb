// SPDX-License-Identifier: BSL-1.0
#include "decision.hpp"

#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>

namespace coir_tool {
namespace {

// How often a case's sample is better than the base's, for a goal; absent when it was not measured.
double speed_at(Goal goal, const CaseInfo& info, const Sample& sample, const Sample& base) {
    const auto less_is_better = [&](double Sample::*field) {
        if (is_absent(sample.*field) || is_absent(base.*field)) return absent;
        return base.*field / sample.*field;
    };
    switch (goal) {
        case Goal::p99:
            return less_is_better(&Sample::p99_ns);
        case Goal::cpu:
            return less_is_better(&Sample::cpu_ns_per_op);
        case Goal::memory:
            return less_is_better(&Sample::rss_bytes);
        case Goal::throughput:
            break;
    }
    return info.higher_is_better ? sample.value / base.value : base.value / sample.value;
}

// Speeds of reactor `index` against reactor `base`, one for each round: the geometric mean over the
// cases that tell.
std::vector<double> speeds_of(const std::vector<CaseResult>& cases, std::size_t index,
                              std::size_t base, std::size_t rounds, Goal goal) {
    std::vector<double> speeds;
    for (std::size_t round = 0; round < rounds; ++round) {
        double sum = 0;
        double count = 0;
        for (const CaseResult& one : cases) {
            const double speed = speed_at(goal, one.info, one.series[index].rounds[round],
                                          one.series[base].rounds[round]);
            // A zero on one side says nothing of how many times.
            if (is_absent(speed) || !std::isfinite(speed) || speed <= 0) continue;
            sum += std::log(speed);
            ++count;
        }
        speeds.push_back(count == 0 ? 1.0 : std::exp(sum / count));
    }
    return speeds;
}

bool failed_somewhere(const std::vector<CaseResult>& cases, std::size_t index) {
    return std::any_of(cases.begin(), cases.end(), [index](const CaseResult& one) {
        return !one.series[index].failure.empty();
    });
}

std::string describe(Goal goal, const Comparison& comparison, const std::string& base) {
    const std::string times = format_fixed(comparison.speed, 2) + " times";
    const std::string interval = " (95 % interval " +
                                 format_fixed(comparison.speed_interval.low, 2) + " to " +
                                 format_fixed(comparison.speed_interval.high, 2) + ")";
    switch (goal) {
        case Goal::p99:
            return "p99 latency " + times + " lower" + interval + " than that of " + base;
        case Goal::cpu:
            return times + " less CPU time per operation" + interval + " than " + base;
        case Goal::memory:
            return times + " less memory" + interval + " than " + base;
        case Goal::throughput:
            break;
    }
    return times + interval + " the throughput of " + base;
}

std::string same_as(Goal goal, const std::string& base) {
    switch (goal) {
        case Goal::p99:
            return "the p99 latency of " + base + " within noise";
        case Goal::cpu:
            return "the CPU time of " + base + " within noise";
        case Goal::memory:
            return "the memory of " + base + " within noise";
        case Goal::throughput:
            break;
    }
    return "the throughput of " + base + " within noise";
}

struct Candidate {
    std::size_t index = 0;
    Contender contender;
};

class Decision {
public:
    Decision(const std::vector<CaseResult>& cases, Goal goal) : cases_(cases), goal_(goal) {
        for (std::size_t index = 0; index < cases.at(0).series.size(); ++index) {
            if (!failed_somewhere(cases, index)) sound_.push_back(index);
        }
        rounds_ = cases[0].rounds;
        for (const CaseResult& one : cases) rounds_ = std::min(rounds_, one.rounds);
    }

    Recommendation make() {
        Recommendation made;
        if (sound_.empty()) return made;
        made.rounds = rounds_;
        made.base = made.reactor = cases_[0].series[sound_[0]].subject.name;
        for (std::size_t i = 1; i < sound_.size() && rounds_ > 0; ++i) {
            candidates_.push_back({sound_[i], contender(sound_[i])});
            made.contenders.push_back(candidates_.back().contender);
        }
        if (const Candidate* best = choose(&Contender::goal, goal_, goal_margin)) {
            made.reactor = best->contender.reactor;
            made.beyond_noise = true;
            made.reason = describe(goal_, best->contender.goal, made.base);
        } else if (const Candidate* tidy =
                       choose(&Contender::tie_break, tie_break_of(goal_), tie_break_margin)) {
            made.reactor = tidy->contender.reactor;
            made.beyond_noise = true;
            made.reason = same_as(goal_, made.base) + ", and " +
                          describe(tie_break_of(goal_), tidy->contender.tie_break, made.base);
        } else {
            made.reason = portability_reason(made.base);
        }
        return made;
    }

private:
    Contender contender(std::size_t index) const {
        const auto against_base = [&](const std::vector<CaseResult>& cases, Goal goal) {
            return compare_speeds(speeds_of(cases, index, sound_[0], rounds_, goal));
        };
        Contender made{cases_[0].series[index].subject.name, against_base(cases_, goal_),
                       against_base(cases_, tie_break_of(goal_)), {}};
        for (const CaseResult& one : cases_) made.cases.push_back(against_base({one}, goal_));
        return made;
    }

    // Of those that beat the base by the margin beyond noise, the best; when the runner-up is as
    // good within noise, the more portable of the two, which comes first.
    const Candidate* choose(Comparison Contender::*at, Goal goal, double margin) const {
        const Candidate* best = nullptr;
        for (const Candidate& candidate : candidates_) {
            const Comparison& comparison = candidate.contender.*at;
            if (comparison.finding != Finding::faster) continue;
            if (comparison.speed_interval.low <= margin) continue;
            // What breaks ties must not be bought with the goal, of more than its margin.
            if (goal != goal_ && candidate.contender.goal.speed_interval.high < 1 / goal_margin) continue;
            if (best) {
                const Comparison against = compare_speeds(
                    speeds_of(cases_, candidate.index, best->index, rounds_, goal));
                if (against.finding != Finding::faster) continue;
            }
            best = &candidate;
        }
        return best;
    }

    std::string portability_reason(const std::string& base) const {
        if (sound_.size() == 1) return "it is the only candidate";
        if (rounds_ < rounds_for_interval) {
            return "too few rounds for a verdict: " + base +
                   ", because it is the most portable; give it a larger --budget";
        }
        return "no difference beyond noise that is worth it: " + base +
               ", because it is the most portable";
    }

    const std::vector<CaseResult>& cases_;
    const Goal goal_;
    std::vector<std::size_t> sound_;  // that failed nowhere
    std::size_t rounds_ = 0;
    std::vector<Candidate> candidates_;
};

}  // namespace

const std::vector<std::string>& goal_names() {
    static const std::vector<std::string> names = {"throughput", "p99", "cpu", "memory"};
    return names;
}

const std::string& name_of(Goal goal) { return goal_names()[static_cast<std::size_t>(goal)]; }

Goal goal_of(const std::string& name) {
    const auto found = std::find(goal_names().begin(), goal_names().end(), name);
    return static_cast<Goal>(found - goal_names().begin());
}

Goal tie_break_of(Goal goal) { return goal == Goal::cpu ? Goal::throughput : Goal::cpu; }

// What no reactor could do says nothing of any: O_DIRECT on a file system without it.
Recommendation recommend(const std::vector<CaseResult>& cases, Goal goal) {
    std::vector<CaseResult> telling;
    std::copy_if(cases.begin(), cases.end(), std::back_inserter(telling),
                 [](const CaseResult& one) { return one.base() != nullptr; });
    if (telling.empty()) return {};
    return Decision(telling, goal).make();
}

}  // namespace coir_tool
