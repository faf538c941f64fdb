// SPDX-License-Identifier: BSL-1.0
// coir bench: scenarios on every reactor that works here, in interleaved rounds.
#include "bench_report.hpp"
#include "command.hpp"
#include "numbers.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "text.hpp"

#include "support/machine.hpp"

#include <algorithm>

#include <sys/resource.h>

namespace coir_tool {
namespace {

const std::vector<std::string> scenario_names = {"switch", "spawn", "timers", "echo"};

struct BenchPlan {
    std::vector<std::string> scenarios;
    std::string reactors = "all";
    std::size_t rounds = 5;
    double seconds = 1;
    std::vector<std::size_t> connections = {64};
    std::size_t size = 64;
    bool ring_load = false;

    bool has(const std::string& scenario) const {
        return std::find(scenarios.begin(), scenarios.end(), scenario) != scenarios.end();
    }
};

std::vector<std::string> parse_scenarios(const std::vector<std::string>& words) {
    for (auto word = words.begin(); word != words.end(); ++word) {
        if (std::find(scenario_names.begin(), scenario_names.end(), *word) ==
            scenario_names.end()) {
            throw UsageError("unknown scenario " + in_quotes(*word) + "; allowed: " +
                             listed(scenario_names) + did_you_mean(*word, scenario_names));
        }
        if (std::find(words.begin(), word, *word) != word) {
            throw UsageError("the scenario " + in_quotes(*word) + " is named twice");
        }
    }
    return words.empty() ? scenario_names : words;
}

BenchPlan make_plan(const BenchOptions& options) {
    BenchPlan plan;
    plan.scenarios = parse_scenarios(options.scenarios);
    // All of them in about half a minute.
    if (options.scenarios.empty()) plan.seconds = 0.25;
    if (options.reactor) plan.reactors = *options.reactor;
    if (options.rounds) plan.rounds = parse_count("--rounds", *options.rounds, 1, 1000);
    if (options.seconds) plan.seconds = parse_seconds("--seconds", *options.seconds, 0.01, 3600);
    for (const auto& [name, value] :
         {std::pair{"--connections", &options.connections}, std::pair{"--size", &options.size}}) {
        if (*value && !plan.has("echo")) {
            throw UsageError(std::string(name) +
                             " belongs to the scenario 'echo', which is not "
                             "among: " +
                             listed(plan.scenarios));
        }
    }
    if (options.connections) {
        plan.connections.clear();
        for (const std::string& item : split_list("--connections", *options.connections)) {
            const std::size_t count = parse_count("--connections", item, 1, 100'000);
            if (std::count(plan.connections.begin(), plan.connections.end(), count) != 0) {
                throw UsageError("--connections names " + in_quotes(item) + " twice");
            }
            plan.connections.push_back(count);
        }
    }
    if (options.size) plan.size = parse_count("--size", *options.size, 1, 1 << 20);
    return plan;
}

// The children raise the soft limit themselves; beyond the hard one nothing helps.
void check_descriptors(const BenchPlan& plan) {
    constexpr std::size_t others = 32;
    rlimit limit{};
    if (!plan.has("echo") || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const std::size_t most = *std::max_element(plan.connections.begin(), plan.connections.end());
    if (limit.rlim_max == RLIM_INFINITY || most + others <= limit.rlim_max) return;
    throw CommandError(exit_failure, "--connections " + std::to_string(most) +
                                         " needs more descriptors than this process may have, " +
                                         std::to_string(limit.rlim_max) +
                                         "; raise the hard limit (ulimit -Hn)");
}

std::vector<Workload> make_workloads(const BenchPlan& plan, const std::string& scenario) {
    if (scenario == "switch") return {switch_workload(2), switch_workload(1000)};
    if (scenario == "spawn") return {spawn_workload(1), spawn_workload(1000)};
    if (scenario == "timers") return {timers_workload(), lateness_workload()};
    std::vector<Workload> workloads;
    for (const std::size_t connections : plan.connections) {
        workloads.push_back(echo_workload({connections, plan.size, plan.ring_load}));
    }
    return workloads;
}

bool any_failed(const BenchReport& report) {
    for (const WorkloadResult& result : report.results) {
        for (const ReactorResult& reactor : result.reactors) {
            if (!reactor.failure.empty()) return true;
        }
    }
    return false;
}

// One scenario's rounds after the other's, so that an interruption leaves whole scenarios.
void measure(InterruptWatch& interrupt, const BenchPlan& plan,
             const std::vector<ProbedReactor>& reactors,
             const std::vector<std::vector<Workload>>& scenarios, BenchReport& report) {
    Progress progress;
    std::size_t index = 0;
    for (const std::vector<Workload>& workloads : scenarios) {
        RoundPlan rounds;
        rounds.seconds = plan.seconds;
        rounds.rounds = plan.rounds;
        rounds.progress = [&](std::size_t done, std::size_t all, const std::string& next) {
            const double part = static_cast<double>(done) / static_cast<double>(all);
            progress.show(
                (static_cast<double>(index) + part) / static_cast<double>(scenarios.size()), next);
        };
        std::optional<InterruptedBySignal> interrupted;
        for (WorkloadResult& result :
             run_rounds(interrupt, workloads, reactors, rounds, interrupted)) {
            report.results.push_back(std::move(result));
        }
        if (interrupted) {
            report.interrupted_by = interrupted->signo;
            return;
        }
        ++index;
    }
}

}  // namespace

int bench_command(const BenchOptions& options) {
    BenchPlan plan = make_plan(options);
    check_descriptors(plan);
    std::vector<std::vector<Workload>> scenarios;  // outlive the report, which points to them
    BenchReport report;
    report.machine = read_machine_facts();
    report.seconds = plan.seconds;
    report.rounds = plan.rounds;
    report.load_start = coir_bench::load_average();
    try {
        InterruptWatch interrupt;
        const std::vector<ProbedReactor> probed = probe_reactors(interrupt);
        const std::vector<ProbedReactor> reactors = select_reactors(probed, plan.reactors);
        if (plan.has("echo")) {
            plan.ring_load = can_load_by_ring(interrupt);
            report.echo_load = plan.ring_load ? "io_uring" : "epoll";
        }
        for (const std::string& name : plan.scenarios) {
            scenarios.push_back(make_workloads(plan, name));
        }
        if (plan.reactors == "all") {
            std::copy_if(probed.begin(), probed.end(), std::back_inserter(report.unusable),
                         [](const auto& reactor) { return !reactor.usable; });
        }
        measure(interrupt, plan, reactors, scenarios, report);
    } catch (const InterruptedBySignal& signal) {
        throw CommandError(128 + signal.signo, "interrupted before anything was measured");
    }
    report.load_end = coir_bench::load_average();
    write_stdout(options.json ? format_bench_json(report)
                              : format_bench_text(report, stdout_has_colour(), locale_is_utf8()));
    if (report.interrupted_by != 0) {
        note("interrupted: rounds that were not complete are left out");
        return 128 + report.interrupted_by;
    }
    return any_failed(report) ? exit_failure : exit_ok;
}

}  // namespace coir_tool
