// SPDX-License-Identifier: BSL-1.0
#include "order_notes.hpp"

#include "summary.hpp"
#include "text.hpp"

#include <cmath>

namespace coir_tool {
namespace {

// Both are ratios to the base, and better above 1.
bool contradict(double speed, double other) {
    constexpr double least = 0.02;
    return std::fabs(speed - 1) > least && std::fabs(other - 1) > least && (speed > 1) != (other > 1);
}

struct Contradictions {
    std::vector<std::string> by_median;
    std::vector<std::string> by_p50;
};

Contradictions contradictions_of(const CaseResult& one, const Series& base) {
    Contradictions found;
    const Sample of_base = summarise(base.rounds).typical;
    for (const Series& series : one.series) {
        if (&series == &base || !series.has_results()) continue;
        const bool more_is_better = one.info.higher_is_better;
        const double speed = compare(series.rounds, base.rounds, more_is_better).speed;
        const Sample typical = summarise(series.rounds).typical;
        const double by_median =
            more_is_better ? typical.value / of_base.value : of_base.value / typical.value;
        if (contradict(speed, by_median)) {
            found.by_median.push_back(series.subject.name);
        } else if (contradict(speed, of_base.p50_ns / typical.p50_ns)) {
            found.by_p50.push_back(series.subject.name);
        }
    }
    return found;
}

}  // namespace

std::vector<std::string> order_notes(const std::vector<CaseResult>& cases) {
    std::vector<std::string> notes;
    for (const CaseResult& one : cases) {
        const Series* const base = one.base();
        if (!base) continue;
        const Contradictions found = contradictions_of(one, *base);
        if (!found.by_median.empty()) {
            notes.push_back(one.full_name() + ": by speed and by median, " + listed(found.by_median) +
                            " and " + base->subject.name +
                            " stand in different order: speed compares within each round, the medians "
                            "are of all rounds, and those were uneven.");
        }
        if (!found.by_p50.empty()) {
            notes.push_back(one.full_name() + ": by speed and by p50, " + listed(found.by_p50) + " and " +
                            base->subject.name +
                            " stand in different order: a few slow answers (see p99) cost throughput and "
                            "leave p50 as it is.");
        }
    }
    return notes;
}

}  // namespace coir_tool
