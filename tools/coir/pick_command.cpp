// SPDX-License-Identifier: BSL-1.0
// coir pick: which reactor this machine should use, measured within a budget of time.
#include "bench/result_file.hpp"
#include "bench/rounds.hpp"
#include "bench/scenarios/scenarios.hpp"
#include "bench/text_report.hpp"
#include "command.hpp"
#include "dates.hpp"
#include "descriptor_limit.hpp"
#include "numbers.hpp"
#include "output.hpp"
#include "output_file.hpp"
#include "pick/decision.hpp"
#include "pick/record.hpp"
#include "pick/workloads.hpp"
#include "probe.hpp"
#include "progress.hpp"
#include "table.hpp"
#include "text.hpp"

#include "support/json.hpp"
#include "support/machine.hpp"

#include <coir/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace coir_tool {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

struct PickPlan {
    const PickLoad* load = &pick_loads().front();
    PickLoadPlan of_load;
    Goal goal = Goal::throughput;
    std::string reactors = "all";
    bool explain = false;
    std::string write_to;  ///< empty: nowhere
};

const PickLoad* parse_load(const std::string& word) {
    std::vector<std::string> names;
    for (const PickLoad& load : pick_loads()) {
        if (load.name == word) return &load;
        names.push_back(load.name);
    }
    throw UsageError("--workload takes " + listed(names) + ", got " + in_quotes(word) +
                     did_you_mean(word, names));
}

Goal parse_goal(const std::string& word) {
    if (std::count(goal_names().begin(), goal_names().end(), word) == 0) {
        throw UsageError("--goal takes " + listed(goal_names()) + ", got " + in_quotes(word) +
                         did_you_mean(word, goal_names()));
    }
    return goal_of(word);
}

PickPlan make_plan(const PickOptions& options) {
    PickPlan plan;
    if (options.quick && options.budget) {
        throw UsageError("--quick is --budget 5s: give one of them");
    }
    PickLoadPlan& load = plan.of_load;
    if (options.quick) load.budget = 5;
    if (options.budget) load.budget = parse_seconds("--budget", *options.budget, 1, 3600);
    if (options.workload) plan.load = parse_load(*options.workload);
    if (options.goal) plan.goal = parse_goal(*options.goal);
    if ((options.connections || options.size) && !plan.load->has_connections) {
        throw UsageError("--connections and --size say nothing to --workload " + plan.load->name);
    }
    if (options.connections) {
        load.connections = parse_count("--connections", *options.connections, 1, 100'000);
        check_descriptors_for(*load.connections);
    }
    if (options.size) load.size = parse_count("--size", *options.size, 1, 1 << 20);
    if (options.reactor) plan.reactors = *options.reactor;
    plan.explain = options.explain;
    if (options.write)
        plan.write_to = record_path(options.write->empty() ? "user" : *options.write);
    return plan;
}

// As long as it can be for eight rounds to fit, judged by what a measurement cost beside its length in
// the rounds that warmed up; and never so short that starting costs more.
double choose_slice(double seconds_left, double measurements, double overhead) {
    constexpr double rounds = 8;
    return std::clamp((seconds_left / (rounds * measurements) - overhead) / 1.25, 0.02, 0.5);
}

struct Picked {
    std::vector<ProbedReactor> reactors;
    BenchResult result;
    Recommendation recommendation;
};

void measure(InterruptWatch& interrupt, const PickPlan& plan, Clock::time_point start,
             Picked& picked) {
    std::vector<Job> jobs;
    for (Workload& workload : plan.load->make(plan.of_load)) {
        std::vector<Subject> subjects;
        for (const ProbedReactor& reactor : picked.reactors) {
            subjects.push_back({reactor.name, Subject::Kind::reactor, {}, {}});
        }
        jobs.push_back({std::move(workload), std::move(subjects)});
    }
    const double budget = plan.of_load.budget;
    Progress progress;
    NoiseGuard noise;
    constexpr double warm_up = 0.05;
    const auto measurements = static_cast<double>(jobs.size() * picked.reactors.size());
    RoundPlan rounds;
    rounds.seconds = warm_up;
    rounds.rounds = 1000;
    const Clock::time_point warming = Clock::now();
    Clock::time_point first;
    rounds.go_on = [&](std::size_t done) {
        if (done == 0) {
            first = Clock::now();
            const double each = seconds_since(warming) / measurements;
            rounds.seconds = choose_slice(budget - seconds_since(start), measurements,
                                          std::max(0.0, each - 1.25 * warm_up));
            return true;
        }
        // A round begins only when it fits; those that a verdict needs, also somewhat later.
        const double each = seconds_since(first) / static_cast<double>(done);
        const double most = done < rounds_for_interval ? 1.5 * budget : budget;
        return seconds_since(start) + each <= most;
    };
    rounds.progress = [&](std::size_t, std::size_t, const std::string& next) {
        progress.show(std::min(1.0, seconds_since(start) / budget), next);
    };
    std::optional<InterruptedBySignal> interrupted;
    picked.result.cases = run_rounds(interrupt, jobs, rounds, noise, interrupted);
    if (interrupted) throw *interrupted;
    picked.result.seconds = rounds.seconds;
    picked.result.noise = noise.finish();
}

std::string first_failure(const Picked& picked) {
    const Series& series = picked.result.cases.at(0).series.at(0);
    return series.subject.name + ": " + series.failure;
}

Picked pick(const PickPlan& plan) {
    const Clock::time_point start = Clock::now();
    Picked picked;
    BenchResult& result = picked.result;
    result.machine = read_machine_facts();
    result.load_start = coir_bench::load_average();
    try {
        InterruptWatch interrupt;
        const std::vector<ProbedReactor> probed = probe_reactors(interrupt);
        picked.reactors = select_reactors(probed, plan.reactors);
        for (const ProbedReactor& reactor : probed) {
            if (!reactor.usable) result.left_out.push_back({reactor.name, reactor.reason});
        }
        PickPlan with_load = plan;
        with_load.of_load.ring_load = can_load_by_ring(interrupt);
        measure(interrupt, with_load, start, picked);
    } catch (const InterruptedBySignal& signal) {
        throw CommandError(128 + signal.signo, "interrupted: nothing is recommended or recorded");
    }
    result.load_end = coir_bench::load_average();
    picked.recommendation = recommend(result.cases, plan.goal);
    if (picked.recommendation.reactor.empty()) {
        throw CommandError(exit_failure, "every reactor failed: " + first_failure(picked));
    }
    result.rounds = picked.recommendation.rounds;
    return picked;
}

std::string format_comparison(const Comparison& comparison) {
    if (comparison.finding == Finding::too_few_rounds) return "too few rounds";
    return format_fixed(comparison.speed, 2) + " (" +
           format_fixed(comparison.speed_interval.low, 2) + ".." +
           format_fixed(comparison.speed_interval.high, 2) + ")";
}

std::string format_contenders(const PickPlan& plan, const Recommendation& recommendation,
                              bool colours) {
    Table table({{"reactor", false},
                 {name_of(plan.goal), true},
                 {name_of(tie_break_of(plan.goal)) + " (for ties)", true}});
    table.add({{recommendation.base, Colour::bold}, {"1.00 base"}, {"1.00 base"}});
    for (const Contender& contender : recommendation.contenders) {
        table.add({{contender.reactor, Colour::bold},
                   {format_comparison(contender.goal)},
                   {format_comparison(contender.tie_break)}});
    }
    return table.format(colours);
}

// A case's value, or what the goal is about.
std::string format_figure(Goal goal, const CaseInfo& info, const Sample& typical) {
    switch (goal) {
        case Goal::p99:
            return is_absent(typical.p99_ns) ? "" : format_ns(typical.p99_ns);
        case Goal::cpu:
            return is_absent(typical.cpu_ns_per_op) ? "" : format_ns(typical.cpu_ns_per_op);
        case Goal::memory:
            return is_absent(typical.rss_bytes) ? "" : format_bytes(typical.rss_bytes);
        case Goal::throughput:
            break;
    }
    return format_value(info, typical.value);
}

// What the figures are; for throughput each row says so itself.
std::string describe_figures(Goal goal) {
    switch (goal) {
        case Goal::p99:
            return "p99 of the latency";
        case Goal::cpu:
            return "CPU time of an operation";
        case Goal::memory:
            return "memory of the process";
        case Goal::throughput:
            break;
    }
    return "each row in its unit";
}

std::string name_row(Goal goal, const CaseResult& one) {
    const std::string name = one.scenario + ", " + one.info.name;
    if (goal != Goal::throughput) return name;
    return name + " (" + (one.info.unit == "ns" ? "time for one" : one.info.unit) + ")";
}

std::string format_figures(const PickPlan& plan, const Picked& picked, bool colours) {
    std::vector<Table::Column> columns = {{"", false}};
    for (const ProbedReactor& reactor : picked.reactors) columns.push_back({reactor.name, true});
    Table table(columns);
    for (const CaseResult& one : picked.result.cases) {
        std::vector<Cell> row{{name_row(plan.goal, one)}};
        for (const Series& series : one.series) {
            if (!series.has_results()) {
                row.push_back({"failed", Colour::red});
                continue;
            }
            row.push_back({format_figure(plan.goal, one.info, summarise(series.rounds).typical)});
        }
        table.add(std::move(row));
    }
    return table.format(colours);
}

std::string format_explanation(const PickPlan& plan, const Picked& picked, bool colours) {
    const Recommendation& recommendation = picked.recommendation;
    std::vector<Table::Column> columns = {{"", false}};
    for (const Contender& contender : recommendation.contenders) {
        columns.push_back({contender.reactor, true});
    }
    Table table(columns);
    std::size_t nth = 0;
    for (const CaseResult& one : picked.result.cases) {
        if (!one.base()) continue;  // nobody could do it
        std::vector<Cell> row{{one.scenario + ", " + one.info.name}};
        for (const Contender& contender : recommendation.contenders) {
            row.push_back({format_comparison(contender.cases.at(nth))});
        }
        ++nth;
        table.add(std::move(row));
    }
    std::string text = name_of(plan.goal) + " against " + recommendation.base + ", case by case:\n" +
                       table.format(colours) + "\n";
    text += "how it is decided: for each round the geometric mean of the cases' ratios to the most\n"
            "portable reactor; the interval is that of the median over the rounds (bootstrap, 95 %).\n"
            "Another reactor is recommended when its whole interval is above " +
            format_fixed(goal_margin, 2) + ", or, where the goal\ndoes not tell, when that of " +
            name_of(tie_break_of(plan.goal)) + " is above " + format_fixed(tie_break_margin, 2) +
            ".\n\n";
    for (const ProbedReactor& reactor : picked.reactors) {
        text += reactor.name + ": " + reactor.reason + "\n";
    }
    const MachineFacts& machine = picked.result.machine;
    for (const Fact& fact : machine.details) text += fact.name + ": " + fact.value + "\n";
    return text + "load: " + picked.result.load_start + " -> " + picked.result.load_end + "\n\n";
}

// What of the machine may have decided, in a line or two.
std::string format_machine(const MachineFacts& machine) {
    std::string text = "machine: " + machine.processor + ", " + std::to_string(machine.processors) +
                       " CPUs, " + machine.kernel + "; open files " + machine.open_files.soft + " of " +
                       machine.open_files.hard + ", locked memory " +
                       format_byte_limit(machine.locked_memory.soft);
    if (machine.io_uring_disabled) {
        text += ", io_uring_disabled " + std::to_string(*machine.io_uring_disabled);
    }
    for (const Fact& fact : machine.details) {
        if (fact.name == "container" || fact.name == "cpu_quota") text += ", " + fact.name + " " + fact.value;
    }
    return wrapped(text, 0) + "\n";
}

std::string format_text(const Picked& picked, const PickPlan& plan) {
    const bool colours = stdout_has_colour();
    const Recommendation& recommendation = picked.recommendation;
    std::string text = coloured(recommendation.reactor, Colour::bold, colours) + ": " +
                       recommendation.reason + "\n\n";
    text += plan.load->name + ": better than " + recommendation.base +
            " by, with 95 % intervals; interleaved rounds: " +
            std::to_string(recommendation.rounds) + "\n";
    text += format_contenders(plan, recommendation, colours) + "\n";
    text += "medians, " + describe_figures(plan.goal) + ":\n" + format_figures(plan, picked, colours) +
            "\n";
    if (plan.explain) text += format_explanation(plan, picked, colours);
    text += format_machine(picked.result.machine);
    for (const CaseResult& one : picked.result.cases) {
        for (const Series& series : one.series) {
            if (series.failure.empty()) continue;
            text += "failed: " + one.scenario + " on " + series.subject.name + ": " +
                    series.failure + "\n";
        }
    }
    for (const LeftOut& left_out : picked.result.left_out) {
        text += "left out: " + left_out.name + ": " + left_out.reason + "\n";
    }
    for (const std::string& warning : picked.result.noise.warnings()) {
        text += coloured("noise", Colour::yellow, colours) + ": " + warning + "\n";
    }
    if (!plan.write_to.empty()) text += "recorded in " + plan.write_to + "\n";
    return text;
}

void add_comparison(coir_bench::Json& json, const char* name, const Comparison& comparison) {
    json.key(name).open('{').field("speed", comparison.speed);
    json.field("low", comparison.speed_interval.low).field("high", comparison.speed_interval.high);
    json.close('}');
}

// The recommendation, and the measurements as `coir bench` writes them.
std::string format_json(const Picked& picked, const PickPlan& plan) {
    const Recommendation& recommendation = picked.recommendation;
    coir_bench::Json json;
    json.open('{').field("schema", "coir.pick/1").field("coir", std::string(coir::version()));
    json.field("reactor", recommendation.reactor).field("reason", recommendation.reason);
    json.field("beyond_noise", recommendation.beyond_noise).field("base", recommendation.base);
    json.field("workload", plan.load->name).field("goal", name_of(plan.goal));
    json.field("budget_seconds", plan.of_load.budget);
    json.field("rounds", std::uint64_t{recommendation.rounds});
    json.key("comparisons").open('[');
    for (const Contender& contender : recommendation.contenders) {
        json.open('{').field("reactor", contender.reactor);
        add_comparison(json, "goal", contender.goal);
        add_comparison(json, "tie_break", contender.tie_break);
        json.close('}');
    }
    json.close(']').key("bench");
    add_bench_result(json, picked.result);
    if (!plan.write_to.empty()) json.field("written_to", plan.write_to);
    json.close('}');
    return json.text() + "\n";
}

std::vector<std::string> comments_for(const Picked& picked, const PickPlan& plan) {
    const Recommendation& recommendation = picked.recommendation;
    std::vector<std::string> comments = {"Written by 'coir pick --write' on " + date_now() +
                                             "; coir " + std::string(coir::version()) + ".",
                                         recommendation.reactor + ": " + recommendation.reason,
                                         "Workload " + plan.load->name + ", rounds measured: " +
                                             std::to_string(recommendation.rounds) + "; load " +
                                             picked.result.load_start + " -> " +
                                             picked.result.load_end + "."};
    for (const Contender& contender : recommendation.contenders) {
        comments.push_back(contender.reactor + " against " + recommendation.base + ": " + name_of(plan.goal) + " " +
                           format_comparison(contender.goal) + ", " +
                           name_of(tie_break_of(plan.goal)) + " " +
                           format_comparison(contender.tie_break));
    }
    comments.push_back("Programs that name a reactor, and COIR_REACTOR, go before this file.");
    return comments;
}

// What was recorded before stays, unless there is a verdict to take its place.
void record(const Picked& picked, const PickPlan& plan) {
    if (picked.recommendation.rounds < rounds_for_interval && picked.reactors.size() > 1) {
        throw CommandError(exit_failure,
                           "nothing is recorded: " + std::to_string(picked.recommendation.rounds) +
                               " rounds are too few for a verdict; give it a larger --budget");
    }
    record_choice(plan.write_to, picked.recommendation.reactor, comments_for(picked, plan));
    const char* variable = std::getenv("COIR_REACTOR");
    if (variable && *variable && std::string_view(variable) != "auto") {
        note("COIR_REACTOR=" + in_quotes(variable) + " is set and goes before the file");
    }
}

}  // namespace

int pick_command(const PickOptions& options) {
    const PickPlan plan = make_plan(options);
    // Not after the measurement, which nobody wants to make for nothing.
    if (!plan.write_to.empty()) {
        make_folder_of(plan.write_to);
        check_writable(plan.write_to);
    }
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
