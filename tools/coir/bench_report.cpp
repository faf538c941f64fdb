// SPDX-License-Identifier: BSL-1.0
#include "bench_report.hpp"

#include "summary.hpp"
#include "table.hpp"

#include "support/json.hpp"

#include <coir/version.hpp>

#include <algorithm>
#include <optional>

namespace coir_tool {
namespace {

// The reactor that the others are compared with: the first one that has results.
const ReactorResult* base_of(const WorkloadResult& result) {
    for (const ReactorResult& reactor : result.reactors) {
        if (reactor.failure.empty() && result.rounds > 0) return &reactor;
    }
    return nullptr;
}

std::string format_value(const CaseInfo& info, double value) {
    return info.unit == "ns" ? format_ns(value) : format_short(value) + "/s";
}

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

std::string format_interval(const coir_bench::Interval& interval) {
    return format_fixed(interval.low, 2) + ".." + format_fixed(interval.high, 2);
}

const std::vector<Table::Column> columns = {
    {"", false},     {"reactor", false}, {"median", true}, {"spread", true}, {"speed", true},
    {"95 %", true},  {"", false},        {"CPU/op", true}, {"p50", true},    {"p99", true},
    {"p99.9", true}, {"polls/op", true}, {"", false},
};

std::vector<Cell> format_row(const CaseInfo& info, const ReactorResult& reactor, std::size_t index,
                             const ReactorResult& base, double fastest, bool utf8) {
    const Summary summary = summarise(reactor.samples[index]);
    const Comparison comparison =
        compare(reactor.samples[index], base.samples[index], info.higher_is_better);
    const Sample& typical = summary.typical;
    std::vector<Cell> row{{info.name, Colour::plain},
                          {reactor.reactor, Colour::bold},
                          {format_value(info, summary.median), Colour::plain}};
    const bool several = reactor.samples[index].size() > 1;
    row.push_back({several ? format_spread(summary, utf8) : "", Colour::dim});
    if (&reactor == &base) {
        row.insert(row.end(), {{"1.00", Colour::dim}, {}, {"base", Colour::dim}});
    } else {
        const bool interval = comparison.finding != Finding::too_few_rounds;
        row.push_back({format_fixed(comparison.speed, 2), Colour::plain});
        row.push_back({interval ? format_interval(comparison.speed_interval) : "", Colour::dim});
        row.push_back(format_finding(comparison));
    }
    const bool latency = typical.max_ns > 0;
    row.push_back({format_ns(typical.cpu_ns_per_op), Colour::plain});
    row.push_back({latency ? format_ns(typical.p50_ns) : "", Colour::plain});
    row.push_back({latency ? format_ns(typical.p99_ns) : "", Colour::plain});
    row.push_back({latency ? format_ns(typical.p999_ns) : "", Colour::plain});
    row.push_back({info.unit == "ns" ? "" : format_fixed(typical.polls_per_op, 3), Colour::plain});
    row.push_back({bar(comparison.speed / fastest, 8, utf8), Colour::dim});
    return row;
}

void add_case(Table& table, const WorkloadResult& result, std::size_t index, bool utf8) {
    const CaseInfo& info = result.workload->cases[index];
    const ReactorResult* base = base_of(result);
    double fastest = 1;
    for (const ReactorResult& reactor : result.reactors) {
        if (!base || !reactor.failure.empty()) continue;
        fastest = std::max(
            fastest,
            compare(reactor.samples[index], base->samples[index], info.higher_is_better).speed);
    }
    bool first = true;
    for (const ReactorResult& reactor : result.reactors) {
        if (!base || !reactor.failure.empty()) continue;
        std::vector<Cell> row = format_row(info, reactor, index, *base, fastest, utf8);
        if (!first) row[0].text.clear();  // the case is named once
        first = false;
        table.add(std::move(row));
    }
}

std::string format_failures(const BenchReport& report, bool colours) {
    std::string text;
    for (const WorkloadResult& result : report.results) {
        for (const ReactorResult& reactor : result.reactors) {
            if (reactor.failure.empty()) continue;
            text += coloured("failed", Colour::red, colours) + ": " + result.workload->scenario +
                    " (" + result.workload->cases[0].name + ") on " + reactor.reactor + ": " +
                    reactor.failure + "\n";
        }
    }
    return text;
}

std::string format_footer(const BenchReport& report, bool colours) {
    std::string text = format_failures(report, colours);
    for (const ProbedReactor& reactor : report.unusable) {
        text += "left out: " + reactor.name + ": " + reactor.reason + "\n";
    }
    std::string facts =
        "spread: median distance of the rounds from their median. speed: against the first "
        "reactor, "
        "round by round; above 1 is faster, same: within noise. ";
    if (report.rounds < rounds_for_interval) {
        facts += "?: no verdict below " + std::to_string(rounds_for_interval) + " rounds. ";
    }
    if (!report.echo_load.empty()) {
        facts += "echo: CPU and polls are the server's, per request; load generator on " +
                 report.echo_load + ". ";
    }
    text += coloured(wrapped(facts, 0), Colour::dim, colours) + "\n";
    const std::string machine =
        report.machine.processor + ", " + std::to_string(report.machine.processors) + " CPUs, " +
        report.machine.kernel + "; load " + report.load_start + " -> " + report.load_end;
    return text + coloured(wrapped(machine, 0), Colour::dim, colours) + "\n";
}

}  // namespace

std::string format_bench_text(const BenchReport& report, bool colours, bool utf8) {
    std::string text;
    for (std::size_t i = 0; i < report.results.size();) {
        const std::string& scenario = report.results[i].workload->scenario;
        std::string heading = coloured(scenario, Colour::bold, colours) + ": " +
                              report.results[i].workload->title + "; " +
                              std::to_string(report.results[i].rounds) +
                              (report.results[i].rounds == 1 ? " round of " : " rounds of ") +
                              format_ns(report.seconds * 1e9);
        Table table(columns);
        bool any = false;
        for (; i < report.results.size() && report.results[i].workload->scenario == scenario; ++i) {
            for (std::size_t c = 0; c < report.results[i].workload->cases.size(); ++c) {
                add_case(table, report.results[i], c, utf8);
            }
            any = any || report.results[i].rounds > 0;
        }
        text += heading + "\n";
        text += (any ? table.format(colours) : "  no round was completed\n") + "\n";
    }
    return text + format_footer(report, colours);
}

namespace {

void add_result(coir_bench::Json& json, const WorkloadResult& result, std::size_t index,
                const ReactorResult& reactor, const ReactorResult* base) {
    const CaseInfo& info = result.workload->cases[index];
    json.open('{').field("group", result.workload->scenario + "/" + info.name);
    json.field("name", reactor.reactor).field("scenario", result.workload->scenario);
    json.field("case", info.name).field("reactor", reactor.reactor).field("unit", info.unit);
    json.field("better", info.higher_is_better ? "higher" : "lower");
    json.field("baseline", &reactor == base);
    if (!reactor.failure.empty()) json.field("error", reactor.failure);
    if (reactor.samples[index].empty()) {
        json.close('}');
        return;
    }
    const Summary summary = summarise(reactor.samples[index]);
    json.field("median", summary.median).field("min", summary.min).field("max", summary.max);
    json.field("mad", summary.deviation);
    if (base && &reactor != base) {
        const Comparison comparison =
            compare(reactor.samples[index], base->samples[index], info.higher_is_better);
        json.field("ratio", comparison.ratio).field("ratio_low", comparison.ratio_interval.low);
        json.field("ratio_high", comparison.ratio_interval.high);
        json.field("speed", comparison.speed).field("speed_low", comparison.speed_interval.low);
        json.field("speed_high", comparison.speed_interval.high);
    }
    json.field("cpu_ns_per_op", summary.typical.cpu_ns_per_op);
    json.field("polls_per_op", summary.typical.polls_per_op);
    if (summary.typical.max_ns > 0) {
        json.key("latency_ns").open('{').field("p50", summary.typical.p50_ns);
        json.field("p99", summary.typical.p99_ns).field("p999", summary.typical.p999_ns);
        json.field("max", summary.typical.max_ns).close('}');
    }
    json.key("rounds").open('[');
    for (const Sample& sample : reactor.samples[index]) json.value(sample.value);
    json.close(']').close('}');
}

}  // namespace

std::string format_bench_json(const BenchReport& report) {
    coir_bench::Json json;
    json.open('{').field("schema", "coir.bench/1").field("coir", std::string(coir::version()));
    add_machine(json, report.machine);
    json.field("load_start", report.load_start).field("load_end", report.load_end);
    json.field("rounds", std::uint64_t{report.rounds}).field("seconds", report.seconds);
    json.field("interrupted", report.interrupted_by != 0);
    if (!report.echo_load.empty()) {
        json.field("echo_loop", "closed").field("echo_load_generator", report.echo_load);
    }
    json.key("cases").open('[');
    for (const WorkloadResult& result : report.results) {
        const ReactorResult* base = base_of(result);
        for (std::size_t index = 0; index < result.workload->cases.size(); ++index) {
            for (const ReactorResult& reactor : result.reactors) {
                add_result(json, result, index, reactor, base);
            }
        }
    }
    json.close(']').key("left_out").open('[');
    for (const ProbedReactor& reactor : report.unusable) {
        json.open('{').field("reactor", reactor.name).field("reason", reactor.reason).close('}');
    }
    json.close(']').close('}');
    return json.text() + "\n";
}

}  // namespace coir_tool
