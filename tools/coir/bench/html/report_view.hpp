// SPDX-License-Identifier: BSL-1.0
// The runs of a report, arranged as they are shown: the same case of all runs together, and for each
// subject one colour and one marker throughout.
#pragma once

#include "bench/result.hpp"
#include "bench/summary.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coir_tool {

/// How a subject is drawn. What is a number here is a class in the style sheet.
struct Look {
    Subject::Kind kind = Subject::Kind::reactor;
    std::size_t colour = 0;
    std::size_t marker = 0;
};

inline constexpr std::size_t colour_count = 8;
inline constexpr std::size_t marker_count = 8;
inline constexpr std::array<Subject::Kind, 4> all_kinds = {
    Subject::Kind::reactor, Subject::Kind::server, Subject::Kind::baseline, Subject::Kind::peer};

/// "Reactors", "Baselines: ...".
const char* heading_of(Subject::Kind kind);
/// What a report decides between: reactors, and servers that were running. Others stand beside.
bool is_contender(const Subject& subject);

/// One subject in one case of one run.
struct SeriesView {
    std::size_t run = 0;
    const CaseResult* result = nullptr;
    const Series* series = nullptr;

    bool is_base() const { return series == result->base(); }
};

/// A case in all runs that have it.
struct CaseView {
    CaseInfo info;
    std::vector<const CaseResult*> runs;  ///< by run; null: it has no such case
    /// By `all_kinds`; the runs of one subject beside each other.
    std::vector<SeriesView> series;
};

struct ScenarioView {
    std::string name;
    std::string title;
    std::vector<CaseView> cases;
};

class ReportView {
public:
    /// REQUIRES: both live as long as this. `names` may be shorter than `results`.
    ReportView(const std::vector<BenchResult>& results, const std::vector<std::string>& names);

    const std::vector<BenchResult>& results() const { return results_; }
    const std::vector<ScenarioView>& scenarios() const { return scenarios_; }
    bool has_several_runs() const { return results_.size() > 1; }
    /// "A", "B", ...
    std::string letter_of(std::size_t run) const;
    /// How a run is named beside its letter: its file, or its date.
    std::string name_of(std::size_t run) const;
    Look look_of(const Subject& subject) const;
    /// The subject's name; with several runs, with the letter of the run.
    std::string label_of(const SeriesView& view) const;

private:
    void add_subjects();
    void add_cases(const BenchResult& result, std::size_t run);
    void arrange_series(CaseView& view) const;

    const std::vector<BenchResult>& results_;
    const std::vector<std::string>& names_;
    std::vector<ScenarioView> scenarios_;
    std::vector<std::pair<Subject::Kind, std::string>> subjects_;
};

/// Whether there are figures, all of them finite numbers.
bool is_measured(const Series& series);
/// Of two subjects of the same rounds; nothing: they cannot be compared.
std::optional<Comparison> compared(const CaseInfo& info, const Series& series, const Series& base);

}  // namespace coir_tool
