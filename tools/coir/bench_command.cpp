// SPDX-License-Identifier: BSL-1.0
// coir bench: scenarios on every reactor that works here, in interleaved rounds.
#include "bench/generator_notes.hpp"
#include "bench/order_notes.hpp"
#include "bench/rounds.hpp"
#include "bench/scenarios/scenarios.hpp"
#include "bench_run.hpp"
#include "descriptor_limit.hpp"
#include "numbers.hpp"
#include "output_file.hpp"
#include "peers.hpp"
#include "probe.hpp"
#include "progress.hpp"
#include "text.hpp"

#include <algorithm>

namespace coir_tool {
namespace {

struct BenchPlan {
    std::vector<const Scenario*> scenarios;
    ScenarioPlan of_scenarios;
    std::string reactors = "all";
    std::size_t rounds = 5;
    double seconds = 1;
    bool baselines = true;
    bool peers = false;
    std::vector<Subject> peer_subjects;  ///< that are here, when they are asked for

    bool any_served() const {
        return std::any_of(scenarios.begin(), scenarios.end(),
                           [](const Scenario* scenario) { return scenario->served; });
    }
};

std::vector<std::string> names_of(const std::vector<const Scenario*>& scenarios) {
    std::vector<std::string> names;
    for (const Scenario* scenario : scenarios) names.push_back(scenario->name);
    return names;
}

std::vector<const Scenario*> scenarios_that(bool everyday_only) {
    std::vector<const Scenario*> chosen;
    for (const Scenario& scenario : all_scenarios()) {
        if (scenario.everyday || !everyday_only) chosen.push_back(&scenario);
    }
    return chosen;
}

std::vector<const Scenario*> parse_scenarios(const std::vector<std::string>& words) {
    if (words.empty()) return scenarios_that(true);
    if (words.size() == 1 && words[0] == "all") return scenarios_that(false);
    std::vector<const Scenario*> chosen;
    for (const std::string& word : words) {
        const Scenario* scenario = find_scenario(word);
        if (!scenario) {
            std::vector<std::string> allowed = names_of(scenarios_that(false));
            allowed.emplace_back("all");
            throw UsageError("unknown scenario " + in_quotes(word) + "; allowed: " +
                             listed(allowed) + did_you_mean(word, allowed));
        }
        if (std::count(chosen.begin(), chosen.end(), scenario) != 0) {
            throw UsageError("the scenario " + in_quotes(word) + " is named twice");
        }
        chosen.push_back(scenario);
    }
    return chosen;
}

BenchPlan make_plan(const BenchOptions& options) {
    BenchPlan plan;
    plan.scenarios = parse_scenarios(options.scenarios);
    // The everyday ones in about half a minute.
    if (options.scenarios.empty()) plan.seconds = 0.25;
    plan.baselines = !options.no_baselines;
    plan.peers = options.peers;
    if (options.reactor) plan.reactors = *options.reactor;
    if (options.rounds) plan.rounds = parse_count("--rounds", *options.rounds, 1, 1000);
    if (options.seconds) plan.seconds = parse_seconds("--seconds", *options.seconds, 0.01, 3600);
    for (const auto& [name, given] : {std::pair{"--connections", options.connections.has_value()},
                                      std::pair{"--size", options.size.has_value()}}) {
        if (given && !plan.any_served()) {
            throw UsageError(std::string(name) +
                             " belongs to scenarios with connections; there is none among: " +
                             listed(names_of(plan.scenarios)));
        }
    }
    const auto takes_peers = [](const Scenario* scenario) { return scenario->name == "echo"; };
    if (plan.peers && std::none_of(plan.scenarios.begin(), plan.scenarios.end(), takes_peers)) {
        throw UsageError("--peers belongs to the scenario 'echo', which is not among: " +
                         listed(names_of(plan.scenarios)));
    }
    if (options.connections) plan.of_scenarios.connections = parse_connections(*options.connections);
    if (options.size) plan.of_scenarios.size = parse_count("--size", *options.size, 1, 1 << 20);
    return plan;
}

std::vector<Subject> subjects_of(const Workload& workload, const BenchPlan& plan,
                                 const std::vector<ProbedReactor>& reactors) {
    std::vector<Subject> subjects;
    for (const ProbedReactor& reactor : reactors) {
        subjects.push_back({reactor.name, Subject::Kind::reactor, {}, {}});
    }
    if (plan.baselines) {
        for (const std::string& name : workload.baselines) {
            subjects.push_back({name, Subject::Kind::baseline, {}, {}});
        }
    }
    if (workload.peers) {
        subjects.insert(subjects.end(), plan.peer_subjects.begin(), plan.peer_subjects.end());
    }
    return subjects;
}

// One scenario's rounds after the other's, so that an interruption leaves whole scenarios.
void measure(InterruptWatch& interrupt, const BenchPlan& plan,
             const std::vector<ProbedReactor>& reactors, BenchResult& result) {
    Progress progress;
    NoiseGuard noise;
    double index = 0;
    const auto count = static_cast<double>(plan.scenarios.size());
    std::optional<InterruptedBySignal> interrupted;
    for (const Scenario* scenario : plan.scenarios) {
        std::vector<Job> jobs;
        try {
            for (Workload& workload : scenario->make(plan.of_scenarios)) {
                std::vector<Subject> subjects = subjects_of(workload, plan, reactors);
                jobs.push_back({std::move(workload), std::move(subjects)});
            }
        } catch (const InterruptedBySignal& signal) {
            interrupted = signal;
            break;
        }
        RoundPlan rounds;
        rounds.seconds = plan.seconds;
        rounds.rounds = plan.rounds;
        rounds.count_syscalls = true;
        rounds.progress = [&](std::size_t done, std::size_t all, const std::string& next) {
            const double part = static_cast<double>(done) / static_cast<double>(all);
            progress.show((index + part) / count, next);
        };
        for (CaseResult& one : run_rounds(interrupt, jobs, rounds, noise, interrupted)) {
            result.cases.push_back(std::move(one));
        }
        if (interrupted) break;
        ++index;
    }
    if (interrupted) result.interrupted_by = interrupted->signo;
    result.noise = noise.finish();
}

void find_peers_for(BenchPlan& plan, BenchResult& result) {
    const std::vector<Peer> found = find_peers();
    for (const Peer& peer : found) {
        plan.peer_subjects.push_back({peer.name, Subject::Kind::peer, peer.version, peer.command});
    }
    for (const MissingPeer& missing : missing_peers(found)) {
        result.left_out.push_back(
            {missing.name, "needs Debian's " + missing.package + ", and then all of coir to be built"});
    }
}

void run_bench(BenchPlan& plan, BenchResult& result) {
    InterruptWatch interrupt;
    const std::vector<ProbedReactor> probed = probe_reactors(interrupt);
    const std::vector<ProbedReactor> reactors = select_reactors(probed, plan.reactors);
    if (plan.any_served()) {
        plan.of_scenarios.ring_load = can_load_by_ring(interrupt);
        result.notes.push_back(
            std::string("CPU/op is the server's, per request. The load generator, a process of its own, "
                        "runs on ") +
            (plan.of_scenarios.ring_load
                 ? "io_uring; for accept, pipe and open loops, on epoll."
                 : "epoll."));
    }
    if (plan.reactors == "all") {
        for (const ProbedReactor& reactor : probed) {
            if (!reactor.usable) result.left_out.push_back({reactor.name, reactor.reason});
        }
    }
    if (plan.peers) find_peers_for(plan, result);
    plan.of_scenarios.interrupt = &interrupt;
    plan.of_scenarios.first_reactor = reactors.front().name;
    measure(interrupt, plan, reactors, result);
    for (const auto& notes_of : {generator_notes, order_notes}) {
        for (std::string& sentence : notes_of(result.cases)) {
            result.notes.push_back(std::move(sentence));
        }
    }
}

}  // namespace

int bench_command(const BenchOptions& options) {
    BenchPlan plan = make_plan(options);
    for (const Scenario* scenario : plan.scenarios) {
        if (!scenario->served) continue;
        for (const std::size_t count : plan.of_scenarios.connections) {
            check_descriptors_for(count, scenario->descriptors);
        }
    }
    if (options.output) check_writable(*options.output);
    BenchResult result = begin_result(options.command, plan.seconds, plan.rounds);
    try {
        run_bench(plan, result);
    } catch (const InterruptedBySignal& signal) {
        throw CommandError(128 + signal.signo, "interrupted before anything was measured");
    }
    return deliver_result(result, {options.output, options.json, options.wide});
}

}  // namespace coir_tool
