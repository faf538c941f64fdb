// SPDX-License-Identifier: BSL-1.0
// coir bench list, show, compare, report: what is done with files of results, and without measuring.
#include "bench/comparison.hpp"
#include "bench/hgrm.hpp"
#include "bench/html_report.hpp"
#include "bench/result_file.hpp"
#include "bench/scenarios/scenarios.hpp"
#include "bench/text_report.hpp"
#include "command.hpp"
#include "numbers.hpp"
#include "output.hpp"
#include "output_file.hpp"
#include "table.hpp"
#include "text.hpp"

#include "support/json.hpp"

#include <cmath>

namespace coir_tool {
namespace {

TextStyle style_of_stdout(bool wide) { return {stdout_has_colour(), locale_is_utf8(), wide}; }

Cell format_change(const ChangedSeries& one) {
    switch (one.change) {
        case Change::better:
            return {name_of(one.change), Colour::green};
        case Change::worse:
            return {name_of(one.change), Colour::yellow};
        case Change::regression:
            return {name_of(one.change), Colour::red};
        case Change::same:
        case Change::unclear:
            break;
    }
    return {name_of(one.change), Colour::dim};
}

std::string format_ratio(double ratio) {
    return std::isfinite(ratio) ? format_fixed(ratio, 2) : std::string();
}

std::string format_comparison(const RunComparison& comparison, const TextStyle& style) {
    Table table({{"", false}, {"on", false}, {"before", true}, {"after", true}, {"speed", true},
                 {"95 %", true}, {"", false}, {"CPU/op", true}, {"p99", true}});
    std::string last;
    for (const ChangedSeries& one : comparison.series) {
        const std::string name = one.scenario + ", " + one.info.name;
        const bool unclear = one.change == Change::unclear;
        table.add({{name == last ? "" : name},
                   {one.subject.name, one.subject.kind == Subject::Kind::reactor ? Colour::bold
                                                                                 : Colour::plain},
                   {format_value(one.info, one.before)},
                   {format_value(one.info, one.after)},
                   {format_fixed(one.speed, 2)},
                   {unclear ? "" : format_interval(one.speed_interval), Colour::dim},
                   format_change(one),
                   {format_ratio(one.cpu_ratio)},
                   {format_ratio(one.p99_ratio)}});
        last = name;
    }
    std::string text = table.format(style.colours) + "\n";
    for (const std::string& name : comparison.only_before) text += "only before: " + name + "\n";
    for (const std::string& name : comparison.only_after) text += "only after: " + name + "\n";
    for (const std::string& warning : comparison.warnings) {
        text += coloured("warning", Colour::yellow, style.colours) + ": " + warning + "\n";
    }
    return text + coloured("speed: after against before, above 1 is better. CPU/op, p99: after / "
                           "before, below 1 is better.",
                           Colour::dim, style.colours) +
           "\n";
}

void add_names(coir_bench::Json& json, const char* key, const std::vector<std::string>& names) {
    json.key(key).open('[');
    for (const std::string& name : names) json.value(name);
    json.close(']');
}

std::string format_comparison_json(const RunComparison& comparison) {
    coir_bench::Json json;
    json.open('{').field("schema", "coir.compare/1").field("regressed", comparison.regressed());
    json.key("series").open('[');
    for (const ChangedSeries& one : comparison.series) {
        json.open('{').field("scenario", one.scenario).field("case", one.info.name);
        json.field("name", one.subject.name).field("unit", one.info.unit);
        json.field("before", one.before).field("after", one.after);
        json.field("speed", one.speed).field("speed_low", one.speed_interval.low);
        json.field("speed_high", one.speed_interval.high);
        json.field("cpu_ratio", one.cpu_ratio).field("p99_ratio", one.p99_ratio);
        json.field("verdict", name_of(one.change)).close('}');
    }
    json.close(']');
    add_names(json, "only_before", comparison.only_before);
    add_names(json, "only_after", comparison.only_after);
    add_names(json, "warnings", comparison.warnings);
    json.close('}');
    return json.text() + "\n";
}

// "echo/64 connections on raw-epoll" as a file's name.
std::string file_name_for(const CaseResult& one, const Series& series) {
    std::string name = one.scenario + "-" + one.info.name + "-" + series.subject.name;
    for (char& letter : name) {
        const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                           (letter >= '0' && letter <= '9') || letter == '_' || letter == '.';
        if (!plain) letter = '-';
    }
    return name + ".hgrm";
}

void write_distributions(const std::vector<BenchResult>& results, const std::string& folder) {
    std::size_t written = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
        const std::string number = results.size() == 1 ? "" : std::to_string(i + 1) + "-";
        for (const CaseResult& one : results[i].cases) {
            for (const Series& series : one.series) {
                if (series.latency.empty()) continue;
                const std::string path = folder + "/" + number + file_name_for(one, series);
                make_folder_of(path);
                write_file(path, format_hgrm(series.latency));
                ++written;
            }
        }
    }
    if (written == 0) throw CommandError(exit_failure, "no latency was measured in these runs");
    note(std::to_string(written) + " distributions are in " + folder);
}

}  // namespace

int bench_list_command() {
    Table table({{"scenario", false}, {"", false}, {"", false}});
    for (const Scenario& scenario : all_scenarios()) {
        table.add({{scenario.name, Colour::bold},
                   {scenario.everyday ? "everyday" : "", Colour::dim},
                   {scenario.summary}});
    }
    write_stdout(table.format(stdout_has_colour()));
    return exit_ok;
}

int bench_show_command(const ShowOptions& options) {
    write_stdout(format_bench_text(read_bench_file(options.files.at(0)), style_of_stdout(options.wide)));
    return exit_ok;
}

int bench_compare_command(const CompareOptions& options) {
    double percent = 5;
    if (options.threshold) percent = parse_percent("--threshold", *options.threshold);
    const RunComparison comparison = compare_runs(read_bench_file(options.files.at(0)),
                                                  read_bench_file(options.files.at(1)), percent / 100);
    if (comparison.series.empty()) {
        throw UsageError("the two files have no case and subject in common");
    }
    write_stdout(options.json ? format_comparison_json(comparison)
                              : format_comparison(comparison, style_of_stdout(false)));
    return comparison.regressed() ? exit_regression : exit_ok;
}

int bench_report_command(const ReportOptions& options) {
    if (options.html == options.hgrm.has_value()) {
        throw UsageError("bench report takes --html or --hgrm FOLDER");
    }
    if (options.hgrm && options.hgrm->empty()) throw UsageError("--hgrm takes a folder, got ''");
    if (options.hgrm && options.output) throw UsageError("--output belongs to --html");
    std::vector<BenchResult> results;
    for (const std::string& file : options.files) results.push_back(read_bench_file(file));
    if (options.hgrm) {
        write_distributions(results, *options.hgrm);
        return exit_ok;
    }
    const std::string page = format_bench_html(results, options.files);
    if (options.output) {
        write_file(*options.output, page);
    } else {
        write_stdout(page);
    }
    return exit_ok;
}

}  // namespace coir_tool
