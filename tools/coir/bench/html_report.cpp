// SPDX-License-Identifier: BSL-1.0
#include "html_report.hpp"

#include "html/case_figure.hpp"
#include "html/latency_figure.hpp"
#include "html/line_chart.hpp"
#include "html/markup.hpp"
#include "html/overview_figure.hpp"
#include "html/page_head.hpp"
#include "html/page_text.hpp"
#include "html/report_view.hpp"
#include "html/scaling_figure.hpp"

namespace coir_tool {
namespace {

std::string cards(const std::string& figures) {
    return figures.empty() ? "" : enclosed("div", "class=\"cards\"", figures);
}

std::string format_scenario(const ReportView& report, const ScenarioView& scenario,
                            std::size_t number) {
    const std::string id = "s" + std::to_string(number);
    std::string bars;
    std::string latencies;
    for (std::size_t i = 0; i < scenario.cases.size(); ++i) {
        const std::string id_of_case = id + "c" + std::to_string(i);
        bars += format_case_figure(report, scenario, scenario.cases[i], id_of_case);
        latencies += format_latency_figures(report, scenario, scenario.cases[i], id_of_case);
    }
    return "<section>" + element("h2", "", scenario.name) + element("p", "class=\"sub\"", scenario.title) +
           cards(bars) + cards(format_scaling_figures(report, scenario, id)) + cards(latencies) +
           "</section>\n";
}

}  // namespace

std::string format_bench_html(const std::vector<BenchResult>& results,
                              const std::vector<std::string>& names) {
    const ReportView report(results, names);
    std::string text =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"
        // Nothing is loaded and no script runs, whatever is in the page.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'; img-src data:\"/>"
        "<meta name=\"color-scheme\" content=\"light dark\"/>"
        "<title>coir bench</title><link rel=\"icon\" href=\"data:,\"/><style>";
    text += page_style;
    text += "</style></head>\n<body>" + draw_marker_shapes() + "<main>";
    text += format_title(report) + format_warnings(report) + format_summary(report);
    text += format_overview_figure(report);
    for (std::size_t i = 0; i < report.scenarios().size(); ++i) {
        text += format_scenario(report, report.scenarios()[i], i);
    }
    text += how_to_read + format_circumstances(report);
    return text + "</main></body></html>\n";
}

}  // namespace coir_tool
