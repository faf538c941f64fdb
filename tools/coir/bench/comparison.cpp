// SPDX-License-Identifier: BSL-1.0
#include "comparison.hpp"

#include "summary.hpp"
#include "table.hpp"

#include <algorithm>

namespace coir_tool {
namespace {

std::string name_of(const CaseResult& one, const Series& series) {
    return one.full_name() + " on " + series.subject.name;
}

const Series* find_series(const BenchResult& result, const CaseResult& wanted, const Subject& subject) {
    for (const CaseResult& one : result.cases) {
        if (one.full_name() != wanted.full_name()) continue;
        for (const Series& series : one.series) {
            const bool same = series.subject.name == subject.name && series.subject.kind == subject.kind;
            if (same && series.has_results()) return &series;
        }
    }
    return nullptr;
}

std::vector<double> values_of(const std::vector<Sample>& samples) {
    std::vector<double> values;
    for (const Sample& sample : samples) values.push_back(sample.value);
    return values;
}

Change judge(const coir_bench::Interval& speed, double threshold, bool enough_rounds) {
    if (!enough_rounds) return Change::unclear;
    if (speed.low > 1) return Change::better;
    if (speed.high >= 1) return Change::same;
    return speed.high < 1 / (1 + threshold) ? Change::regression : Change::worse;
}

ChangedSeries compare_series(const CaseResult& one, const Series& before, const Series& after,
                             double threshold) {
    const Summary old = summarise(before.rounds);
    const Summary now = summarise(after.rounds);
    ChangedSeries changed{one.scenario, one.info, after.subject, old.median, now.median, 1, {},
                          absent, absent, Change::unclear};
    const std::vector<double> olds = values_of(before.rounds);
    const std::vector<double> news = values_of(after.rounds);
    const bool higher = one.info.higher_is_better;
    changed.speed = higher ? now.median / old.median : old.median / now.median;
    changed.speed_interval = higher ? coir_bench::bootstrap_median_ratio(news, olds)
                                    : coir_bench::bootstrap_median_ratio(olds, news);
    changed.cpu_ratio = now.typical.cpu_ns_per_op / old.typical.cpu_ns_per_op;
    changed.p99_ratio = now.typical.p99_ns / old.typical.p99_ns;
    changed.change = judge(changed.speed_interval, threshold,
                           std::min(olds.size(), news.size()) >= rounds_for_interval);
    return changed;
}

std::vector<std::string> missing_in(const BenchResult& from, const BenchResult& in) {
    std::vector<std::string> missing;
    for (const CaseResult& one : from.cases) {
        for (const Series& series : one.series) {
            if (!series.has_results() || find_series(in, one, series.subject)) continue;
            missing.push_back(name_of(one, series));
        }
    }
    return missing;
}

void warn_if_different(std::vector<std::string>& warnings, const std::string& what,
                       const std::string& before, const std::string& after) {
    if (before == after) return;
    warnings.push_back("the " + what + " differs: " + before + " before, " + after + " after");
}

// Hand-written loops do not change with coir: when they are slower, so was the machine.
void warn_of_baselines(std::vector<std::string>& warnings, const std::vector<ChangedSeries>& all) {
    std::vector<double> speeds;
    for (const ChangedSeries& one : all) {
        if (one.subject.kind == Subject::Kind::baseline) speeds.push_back(one.speed);
    }
    if (speeds.empty()) return;
    const double typical = coir_bench::median(speeds);
    if (typical > 0.95 && typical < 1.05) return;
    warnings.push_back("the baselines, which are no part of coir, are at " + format_fixed(typical, 2) +
                       " of their speed before: so was the machine");
}

}  // namespace

const char* name_of(Change change) {
    switch (change) {
        case Change::same:
            return "same within noise";
        case Change::better:
            return "better";
        case Change::worse:
            return "slower, within the threshold";
        case Change::regression:
            return "slower";
        case Change::unclear:
            break;
    }
    return "too few rounds";
}

bool RunComparison::regressed() const {
    return std::any_of(series.begin(), series.end(), [](const ChangedSeries& one) {
        const bool ours = one.subject.kind == Subject::Kind::reactor ||
                          one.subject.kind == Subject::Kind::server;
        return ours && one.change == Change::regression;
    });
}

RunComparison compare_runs(const BenchResult& before, const BenchResult& after, double threshold) {
    RunComparison comparison;
    for (const CaseResult& one : after.cases) {
        for (const Series& series : one.series) {
            const Series* old = find_series(before, one, series.subject);
            if (!series.has_results() || !old) continue;
            comparison.series.push_back(compare_series(one, *old, series, threshold));
        }
    }
    comparison.only_before = missing_in(before, after);
    comparison.only_after = missing_in(after, before);
    warn_if_different(comparison.warnings, "machine", before.machine.fingerprint,
                      after.machine.fingerprint);
    warn_if_different(comparison.warnings, "compiler", before.machine.compiler,
                      after.machine.compiler);
    warn_if_different(comparison.warnings, "length of a round", format_ns(before.seconds * 1e9),
                      format_ns(after.seconds * 1e9));
    for (const auto& [name, result] : {std::pair{"before", &before}, std::pair{"after", &after}}) {
        for (const std::string& warning : result->noise.warnings()) {
            comparison.warnings.push_back(std::string(name) + ": " + warning);
        }
    }
    warn_of_baselines(comparison.warnings, comparison.series);
    return comparison;
}

}  // namespace coir_tool
