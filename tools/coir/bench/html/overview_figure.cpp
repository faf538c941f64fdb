// SPDX-License-Identifier: BSL-1.0
#include "bench/html/overview_figure.hpp"

#include "bench/html/html_table.hpp"
#include "bench/html/line_chart.hpp"
#include "bench/html/markup.hpp"
#include "table.hpp"

#include <algorithm>
#include <cmath>

namespace coir_tool {
namespace {

// In pixels.
constexpr double label_height = 22;
constexpr double lane_height = 13;
constexpr double row_gap = 9;
constexpr double axis_height = 24;

// What is beyond these is drawn at the edge.
constexpr double least_speed = 0.02;
constexpr double most_speed = 50;
constexpr std::size_t longest_row_label = 44;
constexpr std::size_t longest_ratio = 12;

struct Point {
    Subject subject;
    Comparison comparison;
};

struct OverviewRow {
    std::string label;
    const Series* base = nullptr;
    std::vector<Point> points;
};

std::vector<OverviewRow> rows_of(const ReportView& report) {
    std::vector<OverviewRow> rows;
    for (const ScenarioView& scenario : report.scenarios()) {
        for (const CaseView& view : scenario.cases) {
            for (std::size_t run = 0; run < view.runs.size(); ++run) {
                const Series* base = view.runs[run] ? view.runs[run]->base() : nullptr;
                if (!base || !is_contender(base->subject)) continue;
                OverviewRow row{scenario.name + ", " + view.info.name, base, {}};
                if (report.has_several_runs()) row.label += " · " + report.letter_of(run);
                for (const SeriesView& one : view.series) {
                    if (one.run != run || one.is_base()) continue;
                    if (!is_contender(one.series->subject)) continue;
                    if (const auto comparison = compared(view.info, *one.series, *base)) {
                        row.points.push_back({one.series->subject, *comparison});
                    }
                }
                if (!row.points.empty()) rows.push_back(std::move(row));
            }
        }
    }
    return rows;
}

bool has_interval(const Comparison& comparison) {
    return comparison.finding != Finding::too_few_rounds;
}

Scale scale_of(const std::vector<OverviewRow>& rows) {
    double lowest = 0.8;
    double highest = 1.25;
    for (const OverviewRow& row : rows) {
        for (const Point& point : row.points) {
            const Comparison& comparison = point.comparison;
            const bool interval = has_interval(comparison);
            lowest = std::min(lowest, interval ? comparison.speed_interval.low : comparison.speed);
            highest = std::max(highest, interval ? comparison.speed_interval.high : comparison.speed);
        }
    }
    return Scale::logarithmic_within(std::max(lowest, least_speed), std::min(highest, most_speed));
}

// Ratios that people think in, as far apart as their labels need.
std::vector<double> ticks_of(const Scale& scale) {
    std::vector<double> ticks = {1};
    for (const double tick : {2.0, 0.5, 5.0, 0.2, 10.0, 0.1, 20.0, 0.05, 1.5, 0.8, 1.25, 0.9, 1.1}) {
        const double share = scale.share(tick);
        const bool inside = share > 0.05 && share < 0.95;  // its label, too
        const bool room = std::all_of(ticks.begin(), ticks.end(), [&](double other) {
            return std::fabs(scale.share(other) - share) > 0.12;
        });
        if (inside && room) ticks.push_back(tick);
    }
    return ticks;
}

std::string format_times(double speed) {
    const std::string text = format_fixed(speed, 2);
    return (text.ends_with("0") ? text.substr(0, text.size() - 1) : text) + "×";
}

class OverviewDrawing {
public:
    OverviewDrawing(const ReportView& report, const std::vector<OverviewRow>& rows)
        : report_(report), rows_(rows), scale_(scale_of(rows)) {}

    std::string draw() {
        for (const OverviewRow& row : rows_) add_row(row);
        const std::string height = coordinate(y_);
        std::string text =
            "<svg class=\"chart\" role=\"img\" aria-labelledby=\"ot\" aria-describedby=\"od\" height=\"" +
            coordinate(y_ + axis_height) + "\">" +
            element("title", "id=\"ot\"", "How fast each one is, compared with the base") +
            element("desc", "id=\"od\"", "The table below has the figures.");
        text += draw_axis() + labels_;
        text += "<svg class=\"o\" width=\"100%\" height=\"" + height + "\" viewBox=\"0 0 1000 " + height +
                "\" preserveAspectRatio=\"none\"><path class=\"g\" d=\"" + separators_ + "\"/>" + intervals_ + "</svg>";
        return text + markers_ + "</svg>";
    }

private:
    void add_row(const OverviewRow& row) {
        const std::string shown = shortened(row.label, longest_row_label);
        const std::string hint = shown == row.label ? "" : element("title", "", row.label);
        labels_ += enclosed("text", "class=\"halo\" y=\"" + coordinate(y_ + 14) + "\"", escaped(shown) + hint);
        separators_ += "M0 " + coordinate(y_) + "H1000";
        y_ += label_height;
        for (const Point& point : row.points) add_point(point);
        y_ += row_gap;
    }

    void add_point(const Point& point) {
        const Look look = report_.look_of(point.subject);
        const std::string colour = "c" + std::to_string(look.colour);
        const double middle = y_ + lane_height / 2;
        const Comparison& comparison = point.comparison;
        if (has_interval(comparison)) {
            intervals_ += "<path class=\"l " + colour + "\" d=\"M" +
                          across(comparison.speed_interval.low) + " " + coordinate(middle) + "H" +
                          across(comparison.speed_interval.high) + "\"/>";
        }
        markers_ += "<use class=\"m " + colour + "\" href=\"#m" + std::to_string(look.marker) +
                    "\" x=\"" + percent_of(scale_.share(comparison.speed)) + "\" y=\"" +
                    coordinate(middle) + "\"/>";
        y_ += lane_height;
    }

    std::string draw_axis() const {
        std::string text;
        for (const double tick : ticks_of(scale_)) {
            const std::string x = percent_of(scale_.share(tick));
            text += std::string("<line class=\"") + (tick == 1 ? "one" : "g") + "\" x1=\"" + x +
                    "\" x2=\"" + x + "\" y2=\"" + coordinate(y_ + 4) + "\"/>" +
                    element("text", "class=\"tx\" x=\"" + x + "\" y=\"" + coordinate(y_ + 18) + "\"",
                            format_times(tick));
        }
        return text;
    }

    std::string across(double speed) const {
        return coordinate(1000 * scale_.share(speed));
    }

    const ReportView& report_;
    const std::vector<OverviewRow>& rows_;
    const Scale scale_;
    double y_ = 0;
    std::string labels_;
    std::string separators_;
    std::string intervals_;
    std::string markers_;
};

std::vector<Line> key_of(const ReportView& report, const std::vector<OverviewRow>& rows) {
    std::vector<Line> key;
    for (const OverviewRow& row : rows) {
        for (const Point& point : row.points) {
            const bool known = std::any_of(key.begin(), key.end(), [&](const Line& line) {
                return line.label == point.subject.name;
            });
            if (!known) key.push_back({point.subject.name, report.look_of(point.subject), {}, {}});
        }
    }
    return key;
}

const char* sign_of(Finding finding) {
    switch (finding) {
        case Finding::same:
            return " ≈";
        case Finding::faster:
            return " ▲";
        case Finding::slower:
            return " ▼";
        case Finding::too_few_rounds:
            break;
    }
    return " ?";
}

const char* style_of(Finding finding) {
    if (finding == Finding::faster) return "up";
    return finding == Finding::slower ? "down" : "dim";
}

std::string format_overview_table(const std::vector<OverviewRow>& rows, const std::vector<Line>& key) {
    std::vector<std::string> columns = {"case", "base"};
    for (const Line& line : key) columns.push_back(line.label);
    HtmlTable table("Speed compared with the base: ▲ faster, ▼ slower, ≈ the same within noise, ? too few rounds",
                    columns);
    for (const OverviewRow& row : rows) {
        std::vector<HtmlCell> cells = {{row.base->subject.name}};
        for (const Line& line : key) {
            const auto found = std::find_if(row.points.begin(), row.points.end(), [&](const Point& point) {
                return point.subject.name == line.label;
            });
            if (found == row.points.end()) {
                cells.push_back({"–", "dim"});
                continue;
            }
            const Comparison& comparison = found->comparison;
            cells.push_back({shortened(format_fixed(comparison.speed, 2), longest_ratio) +
                                 sign_of(comparison.finding),
                             style_of(comparison.finding)});
        }
        table.add_row({row.label}, std::move(cells));
    }
    return table.format();
}

}  // namespace

std::string format_overview_figure(const ReportView& report) {
    const std::vector<OverviewRow> rows = rows_of(report);
    if (rows.empty()) return {};
    const std::vector<Line> key = key_of(report, rows);
    const std::string base = rows.front().base->subject.name;
    const bool one_base = std::all_of(rows.begin(), rows.end(), [&](const OverviewRow& row) {
        return row.base->subject.name == base;
    });
    return "<figure class=\"card over\"><figcaption>" +
           element("h3", "", "Compared with " + (one_base ? shortened(base, longest_row_label) : "the base")) +
           element("p", "class=\"sub\"",
                   "speed, round by round, with 95 % intervals; to the right of 1× is better; logarithmic") +
           "</figcaption>" + draw_key(key) + OverviewDrawing(report, rows).draw() +
           format_overview_table(rows, key) + "</figure>\n";
}

}  // namespace coir_tool
