// SPDX-License-Identifier: BSL-1.0
// coir sim, as data.
#include "cli/commands.hpp"

#include "sim_runner.hpp"

namespace coir_tool {
namespace {

constexpr const char* sim_details =
    "Runs a scenario in simulated worlds, one for each seed: sockets, threads, the kernel's io_uring\n"
    "and the clock are in memory; the order of tasks, the sizes of transfers, delays and faults are\n"
    "drawn from the seed, and the same seed does the same again. It stops at the first seed that\n"
    "fails, and says how to repeat it. One seed in twenty is run twice, which must be the same.\n"
    "\n"
    "Examples:\n"
    "  coir sim list\n"
    "  coir sim echo_storm --count 100000 --jobs 4\n"
    "  coir sim echo_storm --seed 1234               one world\n"
    "  coir sim echo_storm --seed 1234 --minimise >tests/seeds/storm.txt\n"
    "  coir sim --replay tests/seeds/storm.txt --trace\n"
    "\n"
    "How programs of your own are tested like this: coir/testing.hpp.\n"
    "Exit status: 1 when a seed fails.\n";

CommandInfo sim_list_info() {
    CommandInfo info;
    info.name = "list";
    info.summary = "The scenarios";
    info.details = "Says what each scenario is.\n";
    info.run = [] { return sim_list_command(); };
    return info;
}

}  // namespace

CommandInfo sim_info(SimulateOptions& options) {
    CommandInfo info;
    info.name = "sim";
    info.summary = "Run coir in simulated worlds, one for each seed";
    info.usage = "SCENARIO [OPTIONS]";
    info.details = sim_details;
    info.options = {
        {"--seed", "N", "The first seed (default: 0); without --count, this one alone", &options.seed},
        {"--count", "N", "How many seeds (default: 1000)", &options.count},
        {"--jobs", "N", "Processes at a time (default: 1)", &options.jobs},
        {"--replay", "FILE", "Make the choices of a file that --minimise has printed",
         &options.replay, {}, true},
        {"--minimise", "", "Make a seed that fails as small as it can be, and print it",
         &options.minimise},
        {"--trace", "", "Print what happens in the world, too: of one seed, or of --replay", &options.trace},
        {"--json", "", "Print JSON: schema coir.sim/1", &options.json}};
    info.arguments = {"SCENARIO", "A name of coir sim list", &options.scenario, 0, 1,
                      sim_scenario_names()};
    info.commands = {sim_list_info()};
    info.run = [&options] { return sim_command(options); };
    return info;
}

}  // namespace coir_tool
