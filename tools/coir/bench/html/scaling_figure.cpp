// SPDX-License-Identifier: BSL-1.0
#include "bench/html/scaling_figure.hpp"

#include "bench/html/case_figure.hpp"
#include "bench/html/html_table.hpp"
#include "bench/html/line_chart.hpp"
#include "bench/html/markup.hpp"
#include "bench/text_report.hpp"
#include "table.hpp"

#include "support/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace coir_tool {
namespace {

// Beyond this, a linear axis hides what is small.
constexpr double most_linear = 20;
// Between the labels of the x axis, as a share of its width: they do not touch on a telephone.
constexpr double label_distance = 0.16;

/// Cases of one axis and one unit.
struct Family {
    CaseInfo info;
    std::vector<const CaseView*> cases;  // by rising `at`
};

std::vector<Family> families_of(const ScenarioView& scenario) {
    std::vector<Family> families;
    for (const CaseView& view : scenario.cases) {
        if (view.info.axis.empty() || !(view.info.at > 0) || !std::isfinite(view.info.at)) continue;
        const auto found = std::find_if(families.begin(), families.end(), [&](const Family& family) {
            return family.info.axis == view.info.axis && family.info.unit == view.info.unit &&
                   family.info.higher_is_better == view.info.higher_is_better;
        });
        if (found != families.end()) found->cases.push_back(&view);
        else families.push_back({view.info, {&view}});
    }
    for (Family& family : families) {
        std::stable_sort(family.cases.begin(), family.cases.end(),
                         [](const CaseView* one, const CaseView* other) {
                             return one->info.at < other->info.at;
                         });
    }
    return families;
}

struct Curve {
    Subject subject;
    std::map<double, const Series*> at;
};

bool is_drawable(const SeriesView& one, std::size_t run) {
    return one.run == run && is_measured(*one.series) && summarise(one.series->rounds).median > 0;
}

std::vector<Curve> curves_of(const Family& family, std::size_t run) {
    std::vector<Curve> curves;
    for (const CaseView* view : family.cases) {
        for (const SeriesView& one : view->series) {
            if (!is_drawable(one, run)) continue;
            const Subject& subject = one.series->subject;
            const auto found = std::find_if(curves.begin(), curves.end(), [&](const Curve& curve) {
                return curve.subject.kind == subject.kind && curve.subject.name == subject.name;
            });
            Curve& curve = found != curves.end() ? *found : curves.emplace_back(Curve{subject, {}});
            curve.at.emplace(view->info.at, one.series);
        }
    }
    std::stable_sort(curves.begin(), curves.end(), [](const Curve& one, const Curve& other) {
        return one.subject.kind < other.subject.kind;
    });
    return curves;
}

LinePoint point_of(double at, const Series& series) {
    LinePoint point{at, summarise(series.rounds).median, 0, 0};
    if (series.rounds.size() >= rounds_for_interval) {
        std::vector<double> values;
        for (const Sample& sample : series.rounds) values.push_back(sample.value);
        const coir_bench::Interval interval = coir_bench::bootstrap_median(values);
        point.low = interval.low;
        point.high = interval.high;
    }
    return point;
}

std::vector<Line> lines_of(const ReportView& report, const std::vector<Curve>& curves) {
    std::vector<Line> lines;
    for (const Curve& curve : curves) {
        Line line{curve.subject.name, report.look_of(curve.subject), {}, {}};
        for (const auto& [at, series] : curve.at) line.points.push_back(point_of(at, *series));
        line.markers = line.points;
        lines.push_back(std::move(line));
    }
    return lines;
}

// Of all runs, so that their pictures can be compared.
Scale value_scale(const Family& family) {
    double lowest = 0;
    double highest = 0;
    for (const CaseView* view : family.cases) {
        for (const SeriesView& one : view->series) {
            if (!is_drawable(one, one.run)) continue;
            const LinePoint point = point_of(0, *one.series);
            lowest = lowest > 0 ? std::min(lowest, point.y) : point.y;
            highest = std::max({highest, point.y, point.high});
        }
    }
    return highest > most_linear * lowest ? Scale::logarithmic(lowest, highest)
                                          : Scale::linear(highest);
}

std::vector<AxisTick> ticks_at_cases(const Family& family, const Scale& scale) {
    std::vector<AxisTick> ticks;
    double last = -1;
    for (const CaseView* view : family.cases) {
        const double share = scale.share(view->info.at);
        if (share == last) continue;
        const bool room = ticks.empty() || share - last >= label_distance;
        ticks.push_back({view->info.at, room ? shortened(format_short(view->info.at), 7) : ""});
        if (room) last = share;
    }
    return ticks;
}

std::string format_scaling_table(const std::string& caption, const Family& family,
                                 const std::vector<Curve>& curves) {
    std::vector<std::string> columns = {"on"};
    std::vector<double> positions;
    for (const CaseView* view : family.cases) {
        if (!positions.empty() && positions.back() == view->info.at) continue;
        positions.push_back(view->info.at);
        columns.push_back(shortened(format_whole(view->info.at), longest_figure));
    }
    HtmlTable table(caption, columns);
    for (const Curve& curve : curves) {
        std::vector<HtmlCell> cells;
        for (const double at : positions) {
            const auto found = curve.at.find(at);
            cells.push_back({found == curve.at.end()
                                 ? "–"
                                 : shortened(format_value(family.info,
                                                          summarise(found->second->rounds).median),
                                             longest_figure)});
        }
        table.add_row({curve.subject.name}, std::move(cells));
    }
    return table.format();
}

std::string format_family(const ReportView& report, const ScenarioView& scenario,
                          const Family& family, std::size_t run, const std::string& id) {
    const std::vector<Curve> curves = curves_of(family, run);
    const std::string of_run = report.has_several_runs() ? ", run " + report.letter_of(run) : "";
    const std::string over = "over " + family.info.axis + of_run;
    const std::string title = scenario.name + " " + over + ": " + describe_unit(family.info);
    LineChart chart{id, title, {}, family.info.axis + ", logarithmic",
                    Scale::logarithmic_within(family.cases.front()->info.at,
                                              family.cases.back()->info.at),
                    value_scale(family), {}, {}, lines_of(report, curves)};
    chart.description = std::to_string(curves.size()) + " curves over " +
                        std::to_string(family.cases.size()) + " cases; the table below has their figures.";
    chart.x_ticks = ticks_at_cases(family, chart.x);
    for (const double tick : chart.y.ticks(6)) {
        chart.y_ticks.push_back({tick, tick == 0 ? "0" : format_value(family.info, tick)});
    }
    return "<figure class=\"card\"><figcaption>" +
           element("h3", "", "Scaling " + over) +
           element("p", "class=\"sub\"",
                   describe_unit(family.info) + "; medians, from five rounds on with 95 % intervals") +
           "</figcaption>" + draw_key(chart.lines) + draw_lines(chart) +
           format_scaling_table(title + ", medians", family, curves) + "</figure>\n";
}

bool has_two_positions(const Family& family, std::size_t run) {
    std::vector<double> positions;
    for (const CaseView* view : family.cases) {
        for (const SeriesView& one : view->series) {
            if (is_drawable(one, run)) positions.push_back(view->info.at);
        }
    }
    return !positions.empty() && positions.front() != positions.back();
}

}  // namespace

std::string format_scaling_figures(const ReportView& report, const ScenarioView& scenario,
                                   const std::string& id) {
    std::string text;
    int number = 0;
    for (const Family& family : families_of(scenario)) {
        for (std::size_t run = 0; run < report.results().size(); ++run) {
            if (!has_two_positions(family, run)) continue;
            text += format_family(report, scenario, family, run, id + "x" + std::to_string(number++));
        }
    }
    return text;
}

}  // namespace coir_tool
