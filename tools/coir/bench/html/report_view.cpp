// SPDX-License-Identifier: BSL-1.0
#include "bench/html/report_view.hpp"

#include <algorithm>
#include <cmath>

namespace coir_tool {
namespace {

// The same unit and direction, too: another version of coir may mean something else by the name.
bool is_same_case(const CaseInfo& one, const CaseInfo& other) {
    return one.name == other.name && one.unit == other.unit &&
           one.higher_is_better == other.higher_is_better;
}

ScenarioView& scenario_named(std::vector<ScenarioView>& scenarios, const CaseResult& result) {
    for (ScenarioView& scenario : scenarios) {
        if (scenario.name == result.scenario) return scenario;
    }
    scenarios.push_back({result.scenario, result.title, {}});
    return scenarios.back();
}

CaseView& case_for(ScenarioView& scenario, const CaseInfo& info, std::size_t run,
                   std::size_t run_count) {
    for (CaseView& view : scenario.cases) {
        if (is_same_case(view.info, info) && !view.runs[run]) return view;
    }
    scenario.cases.push_back({info, std::vector<const CaseResult*>(run_count), {}});
    return scenario.cases.back();
}

}  // namespace

const char* heading_of(Subject::Kind kind) {
    switch (kind) {
        case Subject::Kind::reactor:
            return "Reactors";
        case Subject::Kind::baseline:
            return "Baselines: by hand, without coir";
        case Subject::Kind::server:
            return "Servers that were running";
        case Subject::Kind::peer:
            break;
    }
    return "Peers: other libraries";
}

bool is_contender(const Subject& subject) {
    return subject.kind == Subject::Kind::reactor || subject.kind == Subject::Kind::server;
}

ReportView::ReportView(const std::vector<BenchResult>& results,
                       const std::vector<std::string>& names)
    : results_(results), names_(names) {
    add_subjects();
    for (std::size_t run = 0; run < results.size(); ++run) add_cases(results[run], run);
    for (ScenarioView& scenario : scenarios_) {
        for (CaseView& view : scenario.cases) arrange_series(view);
    }
}

void ReportView::add_subjects() {
    for (const Subject::Kind kind : all_kinds) {
        for (const BenchResult& result : results_) {
            for (const CaseResult& one : result.cases) {
                for (const Series& series : one.series) {
                    const std::pair key{series.subject.kind, series.subject.name};
                    const bool known = std::count(subjects_.begin(), subjects_.end(), key) != 0;
                    if (series.subject.kind == kind && !known) subjects_.push_back(key);
                }
            }
        }
    }
}

void ReportView::add_cases(const BenchResult& result, std::size_t run) {
    for (const CaseResult& one : result.cases) {
        ScenarioView& scenario = scenario_named(scenarios_, one);
        case_for(scenario, one.info, run, results_.size()).runs[run] = &one;
    }
}

void ReportView::arrange_series(CaseView& view) const {
    for (const auto& [kind, name] : subjects_) {
        for (std::size_t run = 0; run < view.runs.size(); ++run) {
            if (!view.runs[run]) continue;
            for (const Series& series : view.runs[run]->series) {
                if (series.subject.kind == kind && series.subject.name == name) {
                    view.series.push_back({run, view.runs[run], &series});
                }
            }
        }
    }
}

std::string ReportView::letter_of(std::size_t run) const {
    if (run < 26) return std::string(1, static_cast<char>('A' + run));
    return std::to_string(run + 1);
}

std::string ReportView::name_of(std::size_t run) const {
    return run < names_.size() ? names_[run] : results_[run].date;
}

Look ReportView::look_of(const Subject& subject) const {
    const std::pair key{subject.kind, subject.name};
    const auto found = std::find(subjects_.begin(), subjects_.end(), key);
    const auto index = static_cast<std::size_t>(found - subjects_.begin());
    // Whoever shares a colour has another marker.
    return {subject.kind, index % colour_count, (index + index / colour_count) % marker_count};
}

std::string ReportView::label_of(const SeriesView& view) const {
    const std::string& name = view.series->subject.name;
    return has_several_runs() ? name + " · " + letter_of(view.run) : name;
}

bool is_measured(const Series& series) {
    return series.has_results() &&
           std::all_of(series.rounds.begin(), series.rounds.end(),
                       [](const Sample& sample) { return std::isfinite(sample.value); });
}

std::optional<Comparison> compared(const CaseInfo& info, const Series& series, const Series& base) {
    const auto positive = [](const Series& one) {
        return is_measured(one) && std::all_of(one.rounds.begin(), one.rounds.end(),
                                               [](const Sample& sample) { return sample.value > 0; });
    };
    if (!positive(series) || !positive(base)) return std::nullopt;
    if (series.rounds.size() != base.rounds.size()) return std::nullopt;
    const Comparison comparison = compare(series.rounds, base.rounds, info.higher_is_better);
    if (!std::isfinite(comparison.speed) || comparison.speed <= 0) return std::nullopt;
    return comparison;
}

}  // namespace coir_tool
