// SPDX-License-Identifier: BSL-1.0
#include "bench/html/case_figure.hpp"

#include "bench/html/bar_chart.hpp"
#include "bench/html/findings.hpp"
#include "bench/html/html_table.hpp"
#include "bench/html/markup.hpp"
#include "bench/text_report.hpp"
#include "table.hpp"

#include "support/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace coir_tool {
namespace {

std::string format_spread(const Summary& summary) {
    const double percent = 100 * summary.deviation / summary.median;
    if (!std::isfinite(percent)) return {};
    return "±" + format_fixed(percent, percent < 9.95 ? 1 : 0) + " %";
}

std::string format_figure(std::string text) { return shortened(text, longest_figure); }

// 95 % of the median where there are rounds enough, else from the least to the greatest.
coir_bench::Interval whisker_of(const Series& series) {
    std::vector<double> values;
    for (const Sample& sample : series.rounds) values.push_back(sample.value);
    if (values.size() >= rounds_for_interval) return coir_bench::bootstrap_median(values);
    return {*std::min_element(values.begin(), values.end()),
            *std::max_element(values.begin(), values.end())};
}

BarRow bar_of(const ReportView& report, const CaseView& view, const SeriesView& one) {
    BarRow row;
    row.label = one.series->subject.name;
    if (report.has_several_runs()) row.run = " · " + report.letter_of(one.run);
    if (!one.series->subject.version.empty()) row.label += " " + one.series->subject.version;
    row.look = report.look_of(one.series->subject);
    row.contender = is_contender(one.series->subject);
    row.value = one.series->failure.empty() ? "not measured" : "failed";
    row.measured = is_measured(*one.series);
    if (!row.measured) return row;
    const Summary summary = summarise(one.series->rounds);
    row.value = format_value(view.info, summary.median);
    row.median = summary.median;
    const coir_bench::Interval whisker = whisker_of(*one.series);
    row.low = whisker.low;
    row.high = whisker.high;
    for (const Sample& sample : one.series->rounds) row.rounds.push_back(sample.value);
    return row;
}

std::string describe_bars(const std::vector<BarRow>& rows) {
    std::string text;
    for (const BarRow& row : rows) text += (text.empty() ? "" : "; ") + row.label + row.run + ": " + row.value;
    return text + ". The table below has all figures.";
}

std::vector<HtmlCell> comparison_cells(const CaseView& view, const SeriesView& one) {
    if (one.is_base()) return {{"1.00"}, {"base", "dim"}, {}};
    const Series* base = one.result->base();
    const auto comparison = base ? compared(view.info, *one.series, *base) : std::nullopt;
    if (!comparison) return {{}, {"no comparison", "dim"}, {}};
    const bool verdict = comparison->finding != Finding::too_few_rounds;
    const auto& interval = comparison->speed_interval;
    const char* style = comparison->finding == Finding::faster   ? "up"
                        : comparison->finding == Finding::slower ? "down"
                                                                 : "dim";
    return {{format_figure(format_fixed(comparison->speed, 2))},
            {verdict_words(view.info, comparison->finding), style},
            {verdict ? format_figure(format_fixed(interval.low, 2)) + "–" +
                           format_figure(format_fixed(interval.high, 2))
                     : ""}};
}

std::vector<HtmlCell> cells_of(const CaseView& view, const SeriesView& one) {
    if (!one.series->failure.empty()) return {{"failed", "down"}};
    if (!is_measured(*one.series)) return {{"not measured", "dim"}};
    const Summary summary = summarise(one.series->rounds);
    std::vector<HtmlCell> cells = {{format_figure(format_value(view.info, summary.median))}};
    for (HtmlCell& cell : comparison_cells(view, one)) cells.push_back(std::move(cell));
    cells.push_back({one.series->rounds.size() > 1 ? format_figure(format_spread(summary)) : ""});
    for (const Metric& metric : metrics) {
        const double value = summary.typical.*metric.field;
        cells.push_back({std::isfinite(value) ? format_figure(format_metric(metric, value)) : ""});
    }
    return cells;
}

bool has_several_kinds(const CaseView& view) {
    return std::any_of(view.series.begin(), view.series.end(), [&](const SeriesView& one) {
        return one.series->subject.kind != view.series.front().series->subject.kind;
    });
}

std::string format_case_table(const ReportView& report, const ScenarioView& scenario,
                              const CaseView& view) {
    std::vector<std::string> columns = {"on", "median", "speed", "verdict", "95 %", "spread"};
    for (const Metric& metric : metrics) columns.emplace_back(metric.heading);
    HtmlTable table(scenario.name + ", " + view.info.name + ": " + describe_unit(view.info), columns);
    const Subject::Kind* kind = nullptr;
    for (const SeriesView& one : view.series) {
        const bool new_kind = !kind || *kind != one.series->subject.kind;
        if (new_kind && has_several_kinds(view)) {
            table.add_group(heading_of(one.series->subject.kind));
        }
        kind = &one.series->subject.kind;
        const std::string& version = one.series->subject.version;
        table.add_row({report.label_of(one) + (version.empty() ? "" : " " + version)},
                      cells_of(view, one));
    }
    return table.format();
}

std::string describe_rounds(const ReportView& report, const CaseView& view) {
    std::string text;
    for (std::size_t run = 0; run < view.runs.size(); ++run) {
        if (!view.runs[run]) continue;
        const std::size_t rounds = view.runs[run]->rounds;
        if (!text.empty()) text += "; ";
        if (report.has_several_runs()) text += report.letter_of(run) + ": ";
        text += std::to_string(rounds) + (rounds == 1 ? " round of " : " rounds of ") +
                shortened(format_ns(report.results()[run].seconds * 1e9), longest_figure);
    }
    return text;
}

}  // namespace

std::string describe_unit(const CaseInfo& info) {
    std::string unit = info.unit;
    if (unit == "ns") unit = "time of an operation";
    if (unit == "bytes") unit = "memory";
    if (unit.ends_with("/s")) unit = unit.substr(0, unit.size() - 2) + " per second";
    return unit + ", " + (info.higher_is_better ? "more" : "less") + " is better";
}

std::string format_case_figure(const ReportView& report, const ScenarioView& scenario,
                               const CaseView& view, const std::string& id) {
    BarChart chart;
    chart.id = id;
    chart.title = scenario.name + ", " + view.info.name + ": " + describe_unit(view.info);
    std::string last;
    for (const SeriesView& one : view.series) {
        BarRow row = bar_of(report, view, one);
        row.first_of_subject = one.series->subject.name != last;
        last = one.series->subject.name;
        chart.rows.push_back(std::move(row));
    }
    chart.description = describe_bars(chart.rows);
    std::string text = "<figure class=\"card\"><figcaption>" + element("h3", "", view.info.name) +
                       element("p", "class=\"sub\"",
                               describe_unit(view.info) + "; " + describe_rounds(report, view)) +
                       "</figcaption>";
    text += draw_bars(chart) + format_case_table(report, scenario, view);
    return text + "</figure>\n";
}

}  // namespace coir_tool
