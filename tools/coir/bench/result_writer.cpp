// SPDX-License-Identifier: BSL-1.0
#include "result_file.hpp"

#include "summary.hpp"

#include <algorithm>

namespace coir_tool {
namespace {

using coir_bench::Json;

const char* kind_name(Subject::Kind kind) {
    switch (kind) {
        case Subject::Kind::reactor:
            return "reactor";
        case Subject::Kind::baseline:
            return "baseline";
        case Subject::Kind::peer:
            return "peer";
        case Subject::Kind::server:
            break;
    }
    return "server";
}

const char* finding_name(Finding finding) {
    switch (finding) {
        case Finding::same:
            return "same within noise";
        case Finding::faster:
            return "faster";
        case Finding::slower:
            return "slower";
        case Finding::too_few_rounds:
            break;
    }
    return "too few rounds";
}

void add_comparison(Json& json, const Comparison& comparison) {
    json.field("ratio", comparison.ratio).field("ratio_low", comparison.ratio_interval.low);
    json.field("ratio_high", comparison.ratio_interval.high);
    json.field("speed", comparison.speed).field("speed_low", comparison.speed_interval.low);
    json.field("speed_high", comparison.speed_interval.high);
    json.field("verdict", finding_name(comparison.finding));
}

bool measured(const std::vector<Sample>& rounds, double Sample::*field) {
    return std::any_of(rounds.begin(), rounds.end(),
                       [field](const Sample& sample) { return !is_absent(sample.*field); });
}

void add_rounds(Json& json, const char* name, const std::vector<Sample>& rounds,
                double Sample::*field) {
    json.key(name).open('[');
    for (const Sample& sample : rounds) json.value(sample.*field);
    json.close(']');
}

void add_figures(Json& json, const CaseResult& result, const Series& series) {
    const Summary summary = summarise(series.rounds);
    json.field("median", summary.median).field("min", summary.min).field("max", summary.max);
    json.field("mad", summary.deviation);
    const Series* base = result.base();
    json.field("base", &series == base);
    if (&series != base) {
        add_comparison(json, compare(series.rounds, base->rounds, result.info.higher_is_better));
    }
    json.key("medians").open('{');
    for (const Metric& metric : metrics) {
        const double value = summary.typical.*metric.field;
        if (!is_absent(value)) json.field(metric.name, value);
    }
    json.close('}').key("rounds").open('{');
    add_rounds(json, "value", series.rounds, &Sample::value);
    add_rounds(json, "operations", series.rounds, &Sample::operations);
    for (const Metric& metric : metrics) {
        if (measured(series.rounds, metric.field)) {
            add_rounds(json, metric.name, series.rounds, metric.field);
        }
    }
    json.close('}');
}

void add_series(Json& json, const CaseResult& result, const Series& series) {
    json.open('{').field("name", series.subject.name);
    json.field("kind", kind_name(series.subject.kind));
    if (!series.subject.version.empty()) json.field("version", series.subject.version);
    if (!series.failure.empty()) json.field("error", series.failure);
    if (series.has_results()) add_figures(json, result, series);
    if (!series.latency.empty()) {
        json.key("latency").open('[');  // [ns, operations that took at most so long]
        for (const LatencyPoint& point : series.latency) {
            json.open('[').value(point.ns).value(point.count).close(']');
        }
        json.close(']');
    }
    json.close('}');
}

void add_case(Json& json, const CaseResult& result) {
    json.open('{').field("scenario", result.scenario).field("name", result.info.name);
    json.field("title", result.title).field("unit", result.info.unit);
    json.field("better", result.info.higher_is_better ? "higher" : "lower");
    if (!result.info.axis.empty()) {
        json.key("axis").open('{').field("name", result.info.axis);
        json.field("at", result.info.at).close('}');
    }
    json.field("complete_rounds", std::uint64_t{result.rounds});
    json.key("series").open('[');
    for (const Series& series : result.series) add_series(json, result, series);
    json.close(']').close('}');
}

void add_noise(Json& json, const Noise& noise) {
    json.key("noise").open('{').field("spin_spread", noise.spin_spread);
    json.field("steal_share", noise.steal_share).field("others_share", noise.others_share);
    json.key("warnings").open('[');
    for (const std::string& warning : noise.warnings()) json.value(warning);
    json.close(']').close('}');
}

}  // namespace

void add_bench_result(Json& json, const BenchResult& result) {
    json.open('{').field("schema", bench_schema).field("coir", result.version);
    json.field("date", result.date).field("command", result.command);
    json.field("rounds", std::uint64_t{result.rounds}).field("seconds", result.seconds);
    json.field("interrupted_by", result.interrupted_by);
    json.key("machine").open('{');
    add_machine(json, result.machine);
    json.close('}');
    json.field("load_start", result.load_start).field("load_end", result.load_end);
    add_noise(json, result.noise);
    json.key("notes").open('[');
    for (const std::string& note : result.notes) json.value(note);
    json.close(']').key("left_out").open('[');
    for (const LeftOut& left_out : result.left_out) {
        json.open('{').field("name", left_out.name).field("reason", left_out.reason).close('}');
    }
    json.close(']').key("cases").open('[');
    for (const CaseResult& one : result.cases) add_case(json, one);
    json.close(']').close('}');
}

std::string format_bench_json(const BenchResult& result) {
    Json json;
    add_bench_result(json, result);
    return json.text() + "\n";
}

}  // namespace coir_tool
