// SPDX-License-Identifier: BSL-1.0
#include "bench/html/latency_figure.hpp"

#include "bench/html/html_table.hpp"
#include "bench/html/line_chart.hpp"
#include "bench/html/markup.hpp"
#include "table.hpp"

#include <algorithm>
#include <cmath>

namespace coir_tool {
namespace {

constexpr double most_nines = 5;
constexpr double steps_per_nine = 10;
// A curve ends where fewer operations than these were slower: their times are chance.
constexpr double least_beyond = 10;

double operations_of(const std::vector<LatencyPoint>& latency) {
    return static_cast<double>(latency.back().count);
}

bool has_latency(const SeriesView& one) {
    const std::vector<LatencyPoint>& latency = one.series->latency;
    return is_measured(*one.series) && !latency.empty() && latency.back().count > 0 &&
           std::all_of(latency.begin(), latency.end(),
                       [](const LatencyPoint& point) { return std::isfinite(point.ns); });
}

// In nines: 2 is the 99th percentile.
double end_of_curve(const std::vector<LatencyPoint>& latency) {
    const double nines = std::log10(operations_of(latency) / least_beyond);
    return std::clamp(nines, 0.0, most_nines);
}

double share_of(double nines) { return 1 - std::pow(10, -nines); }

// On a logarithmic axis, where no time is 0.
double drawn(double ns) { return std::max(ns, 1.0); }

Line curve_of(const ReportView& report, const SeriesView& one) {
    const std::vector<LatencyPoint>& latency = one.series->latency;
    Line line{one.series->subject.name, report.look_of(one.series->subject), {}, {}};
    const double end = end_of_curve(latency);
    const auto add = [&](std::vector<LinePoint>& points, double share) {
        points.push_back({share, drawn(latency_at(latency, share)), 0, 0});
    };
    for (double step = 0; step / steps_per_nine < end; ++step) {
        add(line.points, share_of(step / steps_per_nine));
    }
    add(line.points, share_of(end));
    for (const double nines : {std::log10(2.0), 1.0, 2.0, 3.0, 4.0, 5.0}) {
        if (nines <= end + 1e-9) add(line.markers, share_of(nines));
    }
    if (line.markers.empty()) line.markers.push_back(line.points.back());
    return line;
}

std::string percent_label(double share) {
    const double percent = 100 * share;
    for (int decimals = 0; decimals < 3; ++decimals) {
        const std::string text = format_fixed(percent, decimals);
        if (std::fabs(std::stod(text) - percent) < 1e-6) return text;
    }
    return format_fixed(percent, 3);
}

struct Axes {
    double lowest = 0;
    double highest = 0;
    double nines = 0;
};

// Of all runs, so that their pictures can be compared.
Axes axes_of(const CaseView& view) {
    Axes axes;
    for (const SeriesView& one : view.series) {
        if (!has_latency(one)) continue;
        const std::vector<LatencyPoint>& latency = one.series->latency;
        const double end = end_of_curve(latency);
        const double low = drawn(latency.front().ns);
        axes.lowest = axes.lowest > 0 ? std::min(axes.lowest, low) : low;
        axes.highest = std::max(axes.highest, drawn(latency_at(latency, share_of(end))));
        axes.nines = std::max(axes.nines, end);
    }
    axes.nines = std::max(axes.nines, 2.0);
    return axes;
}

std::string format_latency_table(const std::string& caption, const std::vector<SeriesView>& all) {
    const std::vector<double> shares = {0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999};
    std::vector<std::string> columns = {"on"};
    for (const double share : shares) columns.push_back("p" + percent_label(share));
    columns.insert(columns.end(), {"max", "operations"});
    HtmlTable table(caption, columns);
    for (const SeriesView& one : all) {
        const std::vector<LatencyPoint>& latency = one.series->latency;
        std::vector<HtmlCell> cells;
        for (const double share : shares) {
            // One operation at least is slower.
            const bool known = (1 - share) * operations_of(latency) >= 1 - 1e-6;
            cells.push_back({known ? shortened(format_ns(latency_at(latency, share)), longest_figure) : ""});
        }
        cells.push_back({shortened(format_ns(latency.back().ns), longest_figure)});
        cells.push_back({shortened(format_whole(operations_of(latency)), 20)});
        table.add_row({one.series->subject.name}, std::move(cells));
    }
    return table.format();
}

std::string format_run(const ReportView& report, const std::string& what, const CaseView& view,
                       std::size_t run, const std::string& id) {
    const Axes axes = axes_of(view);
    const std::string of_run = report.has_several_runs() ? ", run " + report.letter_of(run) : "";
    LineChart chart{id, what + of_run + ": time of an operation by percentile", {},
                    "percentile, logarithmic",
                    Scale::percentiles(axes.nines),
                    Scale::logarithmic(axes.lowest, axes.highest), {}, {}, {}};
    std::vector<SeriesView> shown;
    for (const SeriesView& one : view.series) {
        if (one.run != run || !has_latency(one)) continue;
        shown.push_back(one);
        chart.lines.push_back(curve_of(report, one));
        const std::vector<LatencyPoint>& latency = one.series->latency;
        chart.description += one.series->subject.name + ": median " +
                             format_ns(latency_at(latency, 0.5)) + ", 99th percentile " +
                             format_ns(latency_at(latency, 0.99)) + "; ";
    }
    chart.description += "the table below has more.";
    for (const double tick : chart.x.ticks(8)) chart.x_ticks.push_back({tick, percent_label(tick)});
    for (const double tick : chart.y.ticks(10)) chart.y_ticks.push_back({tick, format_ns(tick)});
    return "<figure class=\"card\"><figcaption>" +
           element("h3", "", "Latency, " + view.info.name + of_run) +
           element("p", "class=\"sub\"",
                   "time of an operation, all rounds together; less is better; logarithmic") +
           "</figcaption>" + draw_key(chart.lines) + draw_lines(chart) +
           format_latency_table(what + of_run + ": latency percentiles", shown) + "</figure>\n";
}

}  // namespace

double latency_at(const std::vector<LatencyPoint>& latency, double share) {
    const double wanted = share * operations_of(latency) * (1 - 1e-12);
    const auto found = std::find_if(latency.begin(), latency.end(), [&](const LatencyPoint& point) {
        return static_cast<double>(point.count) >= wanted;
    });
    return found == latency.end() ? latency.back().ns : found->ns;
}

std::string format_latency_figures(const ReportView& report, const ScenarioView& scenario,
                                   const CaseView& view, const std::string& id) {
    std::string text;
    for (std::size_t run = 0; run < view.runs.size(); ++run) {
        const bool any = std::any_of(view.series.begin(), view.series.end(), [&](const SeriesView& one) {
            return one.run == run && has_latency(one);
        });
        if (any) {
            text += format_run(report, scenario.name + ", " + view.info.name, view, run,
                               id + "l" + std::to_string(run));
        }
    }
    return text;
}

}  // namespace coir_tool
