// SPDX-License-Identifier: BSL-1.0
// coir pick: which reactor this machine should use, measured within a budget of time.
#include "bench_report.hpp"
#include "command.hpp"
#include "numbers.hpp"
#include "output.hpp"
#include "pick_decision.hpp"
#include "pick_record.hpp"
#include "progress.hpp"
#include "table.hpp"
#include "text.hpp"

#include "support/json.hpp"
#include "support/machine.hpp"

#include <coir/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include <sys/resource.h>

namespace coir_tool {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

struct PickPlan {
    double budget = 20;
    std::string reactors = "all";
    std::string write_to;  ///< empty: nowhere
};

PickPlan make_plan(const PickOptions& options) {
    PickPlan plan;
    if (options.quick && options.budget) {
        throw UsageError("--quick is --budget 5s: give one of them");
    }
    if (options.quick) plan.budget = 5;
    if (options.budget) plan.budget = parse_seconds("--budget", *options.budget, 1, 3600);
    if (options.reactor) plan.reactors = *options.reactor;
    if (options.write)
        plan.write_to = record_path(options.write->empty() ? "user" : *options.write);
    return plan;
}

// What runs in every round: echo with few, some and many connections, and what breaks ties. A small
// budget buys more rounds of less: without rounds there is no interval.
std::vector<Workload> make_mix(double budget, bool ring_load) {
    constexpr double budget_for_all = 4;
    if (budget < budget_for_all) return {echo_workload({64, 64, ring_load}), spawn_workload(1000)};
    std::size_t many = 512;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max != RLIM_INFINITY) {
        many = std::min<std::size_t>(many, std::max<std::size_t>(limit.rlim_max / 2, 8));
    }
    return {echo_workload({4, 64, ring_load}), echo_workload({64, 64, ring_load}),
            echo_workload({many, 64, ring_load}), spawn_workload(1000), timers_workload()};
}

// As long as it can be for eight rounds to fit, and never so short that starting costs more.
double choose_slice(double budget, std::size_t workloads, std::size_t reactors) {
    constexpr double rounds = 8;
    constexpr double start_cost = 0.015;  // forks, connections, the loop
    const double each = budget / (rounds * static_cast<double>(workloads * reactors)) - start_cost;
    return std::clamp(each / 1.25, 0.02, 0.5);
}

struct Picked {
    std::vector<ProbedReactor> reactors;
    std::vector<Workload> mix;
    std::vector<WorkloadResult> results;
    Recommendation recommendation;
    BenchReport report;
};

void measure(InterruptWatch& interrupt, const PickPlan& plan, Clock::time_point start,
             Picked& picked) {
    Progress progress;
    RoundPlan rounds;
    rounds.seconds = choose_slice(plan.budget, picked.mix.size(), picked.reactors.size());
    rounds.rounds = 1000;
    // A round begins only when it fits, judged by those before.
    Clock::time_point first;
    rounds.go_on = [&](std::size_t done) {
        if (done == 0) {
            first = Clock::now();
            return true;
        }
        const double each = seconds_since(first) / static_cast<double>(done);
        return seconds_since(start) + each <= plan.budget;
    };
    rounds.progress = [&](std::size_t, std::size_t, const std::string& next) {
        progress.show(std::min(1.0, seconds_since(start) / plan.budget), next);
    };
    std::optional<InterruptedBySignal> interrupted;
    picked.results = run_rounds(interrupt, picked.mix, picked.reactors, rounds, interrupted);
    if (interrupted) throw *interrupted;
    picked.report.seconds = rounds.seconds;
}

Picked pick(const PickPlan& plan) {
    const Clock::time_point start = Clock::now();
    Picked picked;
    picked.report.machine = read_machine_facts();
    picked.report.load_start = coir_bench::load_average();
    try {
        InterruptWatch interrupt;
        const std::vector<ProbedReactor> probed = probe_reactors(interrupt);
        picked.reactors = select_reactors(probed, plan.reactors);
        std::copy_if(probed.begin(), probed.end(), std::back_inserter(picked.report.unusable),
                     [](const auto& reactor) { return !reactor.usable; });
        picked.mix = make_mix(plan.budget, can_load_by_ring(interrupt));
        measure(interrupt, plan, start, picked);
    } catch (const InterruptedBySignal& signal) {
        throw CommandError(128 + signal.signo, "interrupted: nothing is recommended or recorded");
    }
    picked.report.load_end = coir_bench::load_average();
    picked.recommendation = recommend(picked.results);
    if (picked.recommendation.reactor.empty()) {
        throw CommandError(exit_failure,
                           "every reactor failed: " + picked.results[0].reactors[0].reactor + ": " +
                               picked.results[0].reactors[0].failure);
    }
    return picked;
}

std::string format_comparison(const Comparison& comparison) {
    if (comparison.finding == Finding::too_few_rounds) return "too few rounds";
    return format_fixed(comparison.speed, 2) + " (" +
           format_fixed(comparison.speed_interval.low, 2) + ".." +
           format_fixed(comparison.speed_interval.high, 2) + ")";
}

std::string format_contenders(const Recommendation& recommendation, bool colours) {
    Table table({{"reactor", false}, {"echo", true}, {"spawn and timers", true}});
    table.add({{recommendation.base, Colour::bold}, {"1.00 base"}, {"1.00 base"}});
    for (const Contender& contender : recommendation.contenders) {
        table.add({{contender.reactor, Colour::bold},
                   {format_comparison(contender.echo)},
                   {format_comparison(contender.upkeep)}});
    }
    return table.format(colours);
}

std::string format_figures(const Picked& picked, bool colours) {
    std::vector<Table::Column> columns = {{"", false}};
    for (const ProbedReactor& reactor : picked.reactors) columns.push_back({reactor.name, true});
    Table table(columns);
    for (const WorkloadResult& result : picked.results) {
        for (std::size_t c = 0; c < result.workload->cases.size(); ++c) {
            const CaseInfo& info = result.workload->cases[c];
            std::vector<Cell> row{{result.workload->scenario + ", " + info.name}};
            for (const ReactorResult& reactor : result.reactors) {
                if (!reactor.failure.empty() || reactor.samples[c].empty()) {
                    row.push_back({"failed", Colour::red});
                    continue;
                }
                const double median = summarise(reactor.samples[c]).median;
                row.push_back(
                    {info.unit == "ns" ? format_ns(median) : format_short(median) + "/s"});
            }
            table.add(std::move(row));
        }
    }
    return table.format(colours);
}

std::string format_text(const Picked& picked, const PickPlan& plan) {
    const bool colours = stdout_has_colour();
    const Recommendation& recommendation = picked.recommendation;
    std::string text = coloured(recommendation.reactor, Colour::bold, colours) + ": " +
                       recommendation.reason + "\n\n";
    text += "speed against " + recommendation.base + ", 95 % intervals, interleaved rounds: " +
            std::to_string(recommendation.rounds) + "\n";
    text += format_contenders(recommendation, colours) + "\n";
    text += "medians:\n" + format_figures(picked, colours) + "\n";
    for (const WorkloadResult& result : picked.results) {
        for (const ReactorResult& reactor : result.reactors) {
            if (reactor.failure.empty()) continue;
            text += "failed: " + result.workload->scenario + " on " + reactor.reactor + ": " +
                    reactor.failure + "\n";
        }
    }
    for (const ProbedReactor& reactor : picked.report.unusable) {
        text += "left out: " + reactor.name + ": " + reactor.reason + "\n";
    }
    if (!plan.write_to.empty()) text += "recorded in " + plan.write_to + "\n";
    return text;
}

void add_comparison(coir_bench::Json& json, const char* name, const Comparison& comparison) {
    json.key(name).open('{').field("speed", comparison.speed);
    json.field("low", comparison.speed_interval.low).field("high", comparison.speed_interval.high);
    json.close('}');
}

std::string format_json(const Picked& picked, const PickPlan& plan) {
    const Recommendation& recommendation = picked.recommendation;
    coir_bench::Json json;
    json.open('{').field("schema", "coir.pick/1").field("coir", std::string(coir::version()));
    json.field("reactor", recommendation.reactor).field("reason", recommendation.reason);
    json.field("beyond_noise", recommendation.beyond_noise).field("base", recommendation.base);
    json.field("budget_seconds", plan.budget);
    json.field("rounds", std::uint64_t{recommendation.rounds});
    json.field("slice_seconds", picked.report.seconds);
    add_machine(json, picked.report.machine);
    json.field("load_start", picked.report.load_start);
    json.field("load_end", picked.report.load_end);
    json.key("comparisons").open('[');
    for (const Contender& contender : recommendation.contenders) {
        json.open('{').field("reactor", contender.reactor);
        add_comparison(json, "echo", contender.echo);
        add_comparison(json, "upkeep", contender.upkeep);
        json.close('}');
    }
    json.close(']').key("cases").open('[');
    for (const WorkloadResult& result : picked.results) {
        for (std::size_t c = 0; c < result.workload->cases.size(); ++c) {
            for (const ReactorResult& reactor : result.reactors) {
                json.open('{').field("scenario", result.workload->scenario);
                json.field("case", result.workload->cases[c].name)
                    .field("reactor", reactor.reactor);
                json.field("unit", result.workload->cases[c].unit);
                if (!reactor.failure.empty()) json.field("error", reactor.failure);
                json.key("rounds").open('[');
                for (const Sample& sample : reactor.samples[c]) json.value(sample.value);
                json.close(']').close('}');
            }
        }
    }
    json.close(']');
    if (!plan.write_to.empty()) json.field("written_to", plan.write_to);
    json.close('}');
    return json.text() + "\n";
}

std::vector<std::string> comments_for(const Picked& picked) {
    const std::time_t now = std::time(nullptr);
    char date[32] = "";
    std::tm parts{};
    if (::gmtime_r(&now, &parts)) std::strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &parts);
    const Recommendation& recommendation = picked.recommendation;
    std::vector<std::string> comments = {"Written by 'coir pick --write' on " + std::string(date) +
                                             "; coir " + std::string(coir::version()) + ".",
                                         recommendation.reactor + ": " + recommendation.reason,
                                         "Rounds measured: " +
                                             std::to_string(recommendation.rounds) + "; load " +
                                             picked.report.load_start + " -> " +
                                             picked.report.load_end + "."};
    for (const Contender& contender : recommendation.contenders) {
        comments.push_back(contender.reactor + " against " + recommendation.base + ": echo " +
                           format_comparison(contender.echo) + ", spawn and timers " +
                           format_comparison(contender.upkeep));
    }
    comments.push_back("Programs that name a reactor, and COIR_REACTOR, go before this file.");
    return comments;
}

void record(const Picked& picked, const PickPlan& plan) {
    record_choice(plan.write_to, picked.recommendation.reactor, comments_for(picked));
    const char* variable = std::getenv("COIR_REACTOR");
    if (variable && *variable && std::string_view(variable) != "auto") {
        note("COIR_REACTOR=" + in_quotes(variable) + " is set and goes before the file");
    }
}

}  // namespace

int pick_command(const PickOptions& options) {
    const PickPlan plan = make_plan(options);
    // Not after the measurement, which nobody wants to make for nothing.
    if (!plan.write_to.empty()) check_recordable(plan.write_to);
    const Picked picked = pick(plan);
    if (!plan.write_to.empty()) record(picked, plan);
    try {
        write_stdout(options.json ? format_json(picked, plan) : format_text(picked, plan));
    } catch (const CommandError& error) {
        if (plan.write_to.empty()) throw;
        throw CommandError(error.status(), std::string(error.what()) + "; " +
                                               picked.recommendation.reactor + " is recorded in " +
                                               plan.write_to);
    }
    if (plan.write_to.empty()) {
        note("to make it the automatic choice: `pick --write` (which measures again), or " +
             ("COIR_REACTOR=" + picked.recommendation.reactor) + " in a program's environment");
    }
    return exit_ok;
}

}  // namespace coir_tool
