// SPDX-License-Identifier: BSL-1.0
#include "text_report.hpp"

#include "summary.hpp"
#include "table.hpp"

#include <algorithm>
#include <iterator>
#include <set>

namespace coir_tool {

std::string format_value(const CaseInfo& info, double value) {
    if (info.unit == "ns") return format_ns(value);
    if (info.unit == "bytes") return format_bytes(value);
    return format_short(value) + "/s";
}

std::string format_metric(const Metric& metric, double value) {
    if (is_absent(value)) return {};
    switch (metric.quantity) {
        case Quantity::nanoseconds:
            return format_ns(value);
        case Quantity::bytes:
            return format_bytes(value);
        case Quantity::number:
            break;
    }
    return format_fixed(value, 3);
}

std::string format_interval(const coir_bench::Interval& interval) {
    return format_fixed(interval.low, 2) + ".." + format_fixed(interval.high, 2);
}

namespace {

// Half of the rounds are nearer to the median than this.
std::string format_spread(const Summary& summary, bool utf8) {
    const double percent = 100 * summary.deviation / summary.median;
    return (utf8 ? "±" : "+-") + format_fixed(percent, percent < 9.95 ? 1 : 0) + " %";
}

Cell format_finding(const Comparison& comparison) {
    switch (comparison.finding) {
        case Finding::same:
            return {"same", Colour::dim};
        case Finding::faster:
            return {"faster", Colour::green};
        case Finding::slower:
            return {"slower", Colour::red};
        case Finding::too_few_rounds:
            break;
    }
    return {"?", Colour::dim};
}

// What fits beside the rest on an ordinary screen.
bool is_narrow(const Metric& metric) {
    static const std::set<std::string_view> narrow = {"cpu_ns_per_op", "p50_ns",       "p99_ns",
                                                      "p999_ns",       "polls_per_op", "syscalls_per_op"};
    return narrow.count(metric.name) != 0;
}

std::vector<Metric> shown_metrics(bool wide) {
    std::vector<Metric> shown;
    std::copy_if(metrics.begin(), metrics.end(), std::back_inserter(shown),
                 [wide](const Metric& metric) { return wide || is_narrow(metric); });
    return shown;
}

std::vector<Table::Column> columns_of(const TextStyle& style) {
    std::vector<Table::Column> columns = {{"", false},     {"on", false},  {"median", true},
                                          {"spread", true}, {"speed", true}, {"95 %", true},
                                          {"", false}};
    for (const Metric& metric : shown_metrics(style.wide)) columns.push_back({metric.heading, true});
    columns.push_back({"", false});
    return columns;
}

struct CaseView {
    const CaseResult& result;
    const Series& base;
    double fastest = 1;

    Comparison compared(const Series& series) const {
        return compare(series.rounds, base.rounds, result.info.higher_is_better);
    }
};

std::vector<Cell> format_row(const CaseView& view, const Series& series, const TextStyle& style) {
    const Summary summary = summarise(series.rounds);
    const Comparison comparison = view.compared(series);
    const bool ours = series.subject.kind == Subject::Kind::reactor;
    std::vector<Cell> row{{view.result.info.name, Colour::plain},
                          {series.subject.name, ours ? Colour::bold : Colour::plain},
                          {format_value(view.result.info, summary.median), Colour::plain}};
    row.push_back({series.rounds.size() > 1 ? format_spread(summary, style.utf8) : "", Colour::dim});
    if (&series == &view.base) {
        row.insert(row.end(), {{"1.00", Colour::dim}, {}, {"base", Colour::dim}});
    } else {
        const bool interval = comparison.finding != Finding::too_few_rounds;
        row.push_back({format_fixed(comparison.speed, 2), Colour::plain});
        row.push_back({interval ? format_interval(comparison.speed_interval) : "", Colour::dim});
        row.push_back(format_finding(comparison));
    }
    for (const Metric& metric : shown_metrics(style.wide)) {
        row.push_back({format_metric(metric, summary.typical.*metric.field), Colour::plain});
    }
    row.push_back({bar(comparison.speed / view.fastest, 8, style.utf8), Colour::dim});
    return row;
}

void add_case(Table& table, const CaseResult& result, const TextStyle& style) {
    const Series* base = result.base();
    if (!base) return;
    CaseView view{result, *base};
    for (const Series& series : result.series) {
        if (series.has_results()) view.fastest = std::max(view.fastest, view.compared(series).speed);
    }
    bool first = true;
    for (const Series& series : result.series) {
        if (!series.has_results()) continue;
        std::vector<Cell> row = format_row(view, series, style);
        if (!first) row[0].text.clear();  // the case is named once
        first = false;
        table.add(std::move(row));
    }
}

std::string format_failures(const BenchResult& result, bool colours) {
    std::string text;
    for (const CaseResult& one : result.cases) {
        for (const Series& series : one.series) {
            if (series.failure.empty()) continue;
            text += coloured("failed", Colour::red, colours) + ": " + one.scenario + " (" +
                    one.info.name + ") on " + series.subject.name + ": " + series.failure + "\n";
        }
    }
    return text;
}

std::string format_legend(const BenchResult& result, bool colours) {
    std::string legend =
        "spread: median distance of the rounds from their median. speed: against the first of "
        "each group, round by round; above 1 is better, same: within noise. ";
    if (result.rounds < rounds_for_interval) {
        legend += "?: no verdict below " + std::to_string(rounds_for_interval) + " rounds. ";
    }
    return coloured(wrapped(legend, 0), Colour::dim, colours) + "\n";
}

std::string format_footer(const BenchResult& result, bool colours) {
    std::string text = format_failures(result, colours);
    for (const LeftOut& left_out : result.left_out) {
        text += "left out: " + left_out.name + ": " + left_out.reason + "\n";
    }
    for (const std::string& warning : result.noise.warnings()) {
        text += coloured("noise", Colour::yellow, colours) + ": " + warning + "\n";
    }
    const bool measured = std::any_of(result.cases.begin(), result.cases.end(),
                                      [](const CaseResult& one) { return one.base() != nullptr; });
    if (measured) text += format_legend(result, colours);
    for (const std::string& note : result.notes) {
        text += coloured(wrapped("note: " + note, 0), Colour::dim, colours) + "\n";
    }
    const std::string machine =
        result.machine.processor + ", " + std::to_string(result.machine.processors) + " CPUs, " +
        result.machine.kernel + "; load " + result.load_start + " -> " + result.load_end;
    return text + coloured(wrapped(machine, 0), Colour::dim, colours) + "\n";
}

}  // namespace

std::string format_bench_text(const BenchResult& result, const TextStyle& style) {
    std::string text;
    for (auto one = result.cases.begin(); one != result.cases.end();) {
        const std::string scenario = one->scenario;
        text += coloured(scenario, Colour::bold, style.colours) + ": " + one->title + "; " +
                std::to_string(one->rounds) + (one->rounds == 1 ? " round of " : " rounds of ") +
                format_ns(result.seconds * 1e9) + "\n";
        Table table(columns_of(style));
        bool any = false;
        for (; one != result.cases.end() && one->scenario == scenario; ++one) {
            add_case(table, *one, style);
            any = any || one->base();
        }
        text += (any ? table.format(style.colours) : "  no round was completed\n") + "\n";
    }
    return text + format_footer(result, style.colours);
}

}  // namespace coir_tool
