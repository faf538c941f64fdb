// SPDX-License-Identifier: BSL-1.0
// coir sim: scenarios in simulated worlds, seed by seed.
#include "command.hpp"
#include "numbers.hpp"
#include "output.hpp"
#include "sim_runner.hpp"
#include "table.hpp"
#include "text.hpp"

#include "support/json.hpp"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <limits>

#include <unistd.h>

namespace coir_tool {
namespace {

using SimScenario = coir_scenarios::Scenario;
using coir::testing::SimOptions;

constexpr std::uint64_t most_seeds = 1'000'000'000;

const SimScenario& scenario_named(const std::string& name) {
    if (const SimScenario* scenario = coir_scenarios::find_scenario(name)) return *scenario;
    throw UsageError("there is no scenario " + in_quotes(name) + did_you_mean(name, sim_scenario_names()) +
                     "; see coir sim list");
}

SeedRun seeds_of(const SimulateOptions& options) {
    SeedRun run;
    run.count = options.seed ? 1 : 1000;
    if (options.seed) {
        run.first = parse_count("--seed", *options.seed, 0, std::numeric_limits<std::uint64_t>::max() - most_seeds);
    }
    if (options.count) run.count = parse_count("--count", *options.count, 1, most_seeds);
    if (options.jobs) run.jobs = static_cast<unsigned>(parse_count("--jobs", *options.jobs, 1, 256));
    return run;
}

std::string repeat_line(const SimScenario& scenario, std::uint64_t seed) {
    return "coir sim " + std::string(scenario.name) + " --seed " + std::to_string(seed);
}

std::string format_json(const SimScenario& scenario, const SeedRun& run, const SeedReport& report) {
    coir_bench::Json json;
    json.open('{').field("schema", "coir.sim/1").field("scenario", std::string(scenario.name));
    json.field("first_seed", run.first).field("seeds", report.done).field("choices", report.choices);
    json.field("least_choices", report.least_choices);
    json.field("seconds", report.seconds).field("interrupted", report.interrupted_by != 0);
    json.key("failed").open('[');
    for (const SeedFailure& failure : report.failed) {
        json.open('{').field("seed", failure.seed).field("error", failure.error);
        json.field("repeat", repeat_line(scenario, failure.seed)).close('}');
    }
    json.close(']').close('}');
    return json.text() + "\n";
}

std::string format_text(const SimScenario& scenario, const SeedReport& report) {
    const double rate = report.seconds > 0 ? static_cast<double>(report.done) / report.seconds : 0;
    const std::uint64_t choices = report.done == 0 ? 0 : report.choices / report.done;
    std::string text = std::string(scenario.name) + ": " + std::to_string(report.done) +
                       (report.done == 1 ? " seed" : " seeds") + " passed, " + std::to_string(choices) +
                       " choices each (at least " + std::to_string(report.least_choices) + "), " + format_fixed(report.seconds, 1) + " s, " +
                       format_fixed(rate, 0) + " a second\n";
    for (const SeedFailure& failure : report.failed) {
        text += "seed " + std::to_string(failure.seed) + " failed: " + failure.error + "\n  " +
                repeat_line(scenario, failure.seed) + "\n";
    }
    return text;
}

// A failing seed as a file for --replay; the test is its comment.
std::string minimised(const SimScenario& scenario, const SeedFailure& failure) {
    SimOptions options;
    options.seed = failure.seed;
    note("making seed " + std::to_string(failure.seed) + " smaller: a minute at most");
    coir::set_log_handler([](coir::LogLevel, std::string_view) {});
    const auto small = coir::testing::minimise(coir_scenarios::prepared(scenario, options), scenario.run);
    note(std::to_string(small.choices) + " choices are left after " + std::to_string(small.runs) + " runs");
    std::string text = "# " + small.signature + "\nscenario " + std::string(scenario.name) + "\n" +
                       coir::testing::to_text(small.options);
    std::string test = small.to_cpp("coir_scenarios::find_scenario(\"" + std::string(scenario.name) + "\")->run");
    for (std::size_t from = 0; from < test.size();) {
        const std::size_t end = std::min(test.find('\n', from), test.size());
        text += "# " + test.substr(from, end - from) + "\n";
        from = end + 1;
    }
    return text;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw CommandError(exit_failure, path + ": cannot be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

// "scenario echo_pair" in a file; empty: it has no such line.
std::string scenario_line(const std::string& text) {
    const std::string word = "scenario ";
    const std::size_t at = text.starts_with(word) ? 0 : text.find("\n" + word);
    if (at == text.npos) return {};
    const std::size_t from = at + word.size() + (at == 0 ? 0 : 1);
    return text.substr(from, text.find_first_of("\r\n", from) - from);
}

// At once, for the run may end its process. Whoever reads may have gone: then so does the run.
void print_line(std::string_view line) {
    try {
        write_stdout(std::string(line) + "\n");
    } catch (const CommandError&) {
        ::_exit(exit_failure);
    }
}

std::string verdict(const std::string& name, const SeedReport& report) {
    return name + ": " + (report.failed.empty() ? "passed" : "failed: " + report.failed[0].error) + "\n";
}

// One world, in a process of its own. `remark`: what is to be said all the same.
SeedReport run_world(const SimScenario& scenario, SimOptions world, bool trace, std::string& remark) {
    if (trace) world.trace = print_line;
    SeedReport report;
    SeedFailure failure;
    failure.seed = world.seed;
    failure.error = run_alone(scenario, world, failure.ended_process, remark);
    if (failure.error.empty()) {
        report.done = 1;
    } else {
        report.failed.push_back(failure);
    }
    return report;
}

int replay(const SimulateOptions& options) {
    if (options.seed || options.count || options.minimise) {
        throw UsageError("--replay goes without --seed, --count and --minimise");
    }
    const std::string text = read_file(*options.replay);
    const std::string name = options.scenario.empty() ? scenario_line(text) : options.scenario[0];
    if (name.empty()) throw UsageError(*options.replay + ": no line names a scenario");
    const SimScenario& scenario = scenario_named(name);
    SimOptions replayed;
    try {
        replayed = coir::testing::options_from_text(text);
    } catch (const std::invalid_argument& error) {
        throw CommandError(exit_failure, *options.replay + ": " + without_prefix(error.what()));
    }
    std::string remark;
    const SeedReport report = run_world(scenario, replayed, options.trace, remark);
    if (!remark.empty()) note(*options.replay + ": " + remark);
    SeedRun run;
    run.first = replayed.seed;
    if (options.json) {
        write_stdout(format_json(scenario, run, report));
    } else {
        write_stdout(verdict(name, report));
    }
    return report.failed.empty() ? exit_ok : exit_failure;
}

int trace_seed(const SimScenario& scenario, const SeedRun& run) {
    if (run.count != 1) throw UsageError("--trace is for one world: give --seed N, without --count, or --replay FILE");
    SimOptions world;
    world.seed = run.first;
    std::string remark;
    const SeedReport report = run_world(scenario, world, true, remark);
    write_stdout(verdict(std::string(scenario.name), report));
    return report.failed.empty() ? exit_ok : exit_failure;
}

}  // namespace

int sim_list_command() {
    std::size_t width = 0;
    for (const std::string& name : sim_scenario_names()) width = std::max(width, name.size());
    std::string text;
    for (const SimScenario* scenario : coir_scenarios::all_scenarios()) {
        std::string name(scenario->name);
        name.resize(width + 2, ' ');
        text += name + std::string(scenario->summary) + "\n";
    }
    write_stdout(text);
    return exit_ok;
}

int sim_command(const SimulateOptions& options) {
    if (options.trace && (options.json || options.minimise)) {
        throw UsageError("--trace prints lines for people; it goes without --json and --minimise");
    }
    if (options.replay) return replay(options);
    if (options.scenario.empty()) throw UsageError("a scenario is needed; see coir sim list");
    if (options.minimise && options.json) throw UsageError("--minimise prints a file, not JSON");
    const SimScenario& scenario = scenario_named(options.scenario[0]);
    const SeedRun run = seeds_of(options);
    if (options.trace) return trace_seed(scenario, run);
    const SeedReport report = run_seeds(scenario, run);
    if (options.minimise && !report.failed.empty()) {
        write_stdout(minimised(scenario, report.failed[0]));
    } else if (options.minimise) {
        note(format_text(scenario, report) + "no seed has failed: there is nothing to make smaller");
    } else {
        write_stdout(options.json ? format_json(scenario, run, report) : format_text(scenario, report));
    }
    if (report.interrupted_by != 0) return 128 + report.interrupted_by;
    return report.failed.empty() ? exit_ok : exit_failure;
}

}  // namespace coir_tool
