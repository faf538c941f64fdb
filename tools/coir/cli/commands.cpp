// SPDX-License-Identifier: BSL-1.0
#include "commands.hpp"

#include "bench/scenarios/scenarios.hpp"
#include "cli/completion.hpp"
#include "cli/man_page.hpp"
#include "output.hpp"
#include "pick/decision.hpp"
#include "pick/workloads.hpp"
#include "text.hpp"

#include <algorithm>

namespace coir_tool {
namespace {

constexpr const char* about =
    "coir - which reactor works here, which one is fastest, and what old code needs to run on it";

constexpr const char* main_details =
    "Examples:\n"
    "  coir doctor                            is this machine set up for it?\n"
    "  coir reactors                          what works on this machine, and why not\n"
    "  coir bench                             the everyday scenarios, a minute\n"
    "  coir bench echo --connections 1,1000   one scenario with its options\n"
    "  coir pick --write                      measure, recommend, and record the choice\n"
    "  coir config                            which choice is in force, and where it came from\n"
    "  coir run --reactor poll -- ./server    one program on another reactor\n"
    "  coir run --legacy -- ./server          its blocking libc calls suspend tasks only\n"
    "  coir audit libfoo.so                   which of a library's calls that is true of\n"
    "\n"
    "Each command has its own --help. Results go to stdout, progress and notes to stderr.\n"
    "Exit status: 0 fine, 1 failed, 2 bad usage, 3 reactor not usable here, 4 slower than before,\n"
    "130 interrupted.\n";

constexpr const char* reactors_footer =
    "Says of every reactor whether it can be used here, and if not, why and what to do about it;\n"
    "which one a program gets that leaves the choice to coir, and why; and the limits that "
    "matter.\n"
    "Each is tried in a process of its own, so that a seccomp filter that kills is a result, too.\n"
    "\n"
    "Examples:\n"
    "  coir reactors\n"
    "  coir reactors --json | jq -r '.reactors[] | select(.usable) | .name'\n"
    "  COIR_REACTOR=io_uring coir reactors    what would a program get with this setting?\n"
    "  coir reactors test ./mine.so           is a reactor of your own as good as these?\n"
    "\n"
    "Exit status: 3 when no reactor can be had at all, or COIR_REACTOR names one that cannot.\n";

constexpr const char* reactors_test_details =
    "Measures what 20 operations give in 19 situations (at once, later, cancelled, closed, interrupted\n"
    "by signals, ...) and compares it with what is expected, which is the same for every reactor. Each\n"
    "operation runs in a process of its own; a crash or a hang costs one cell.\n"
    "\n"
    "A reactor of your own: build it as a shared library that calls coir::register_reactor() when it is\n"
    "loaded, with the same libcoir as this command.\n"
    "\n"
    "Examples:\n"
    "  coir reactors test epoll\n"
    "  coir reactors test ./mine.so\n"
    "  coir reactors test ./mine.so --operation recv --json\n"
    "\n"
    "Exit status: 1 when a cell is not as expected, 3 when the reactor cannot be used here.\n";

// "  switch   yield_now() among ...", one line each.
template <class Items>
std::string format_items(const Items& items) {
    std::size_t width = 0;
    for (const auto& item : items) width = std::max(width, item.name.size());
    std::string text;
    for (const auto& item : items) {
        text += "  " + item.name + std::string(width - item.name.size() + 2, ' ') + item.summary + "\n";
    }
    return text;
}

template <class Items>
std::vector<std::string> names_of(const Items& items) {
    std::vector<std::string> names;
    for (const auto& item : items) names.push_back(item.name);
    return names;
}

std::vector<std::string> everyday_names() {
    std::vector<std::string> names;
    for (const Scenario& scenario : all_scenarios()) {
        if (scenario.everyday) names.push_back(scenario.name);
    }
    return names;
}

std::string bench_details() {
    return "Scenarios (without any: " + listed(everyday_names()) +
           " in rounds of a quarter of a\nsecond; 'all' is all of them):\n" +
           format_items(all_scenarios()) +
           "\n"
           "The reactors take turns, round by round, so that a disturbance hits all alike. Compare the\n"
           "speed column, not figures of different runs. Beside the reactors stand baselines: loops\n"
           "written by hand for one kernel interface, and a thread for each connection.\n"
           "\n"
           "Examples:\n"
           "  coir bench\n"
           "  coir bench echo --connections 1,64,1000 --rounds 9\n"
           "  coir bench echo --reactor epoll,io_uring --size 4096 --seconds 0.5\n"
           "  coir bench echo --peers -o result.json\n"
           "  coir bench compare before.json result.json\n"
           "  coir bench report result.json --html -o report.html\n";
}

std::string pick_details() {
    return "Measures a load on every usable reactor in interleaved rounds. Recommends one, with the\n"
           "margin and its 95 % interval. Without a difference beyond noise it recommends the most\n"
           "portable one, epoll.\n"
           "\n"
           "Loads:\n" +
           format_items(pick_loads()) +
           "\n"
           "--write records the choice for this user ($XDG_CONFIG_HOME/coir/reactor) or for the whole\n"
           "machine (/etc/coir/reactor); programs that leave the choice to coir follow it from then on,\n"
           "until the kernel or the machine changes. Remove the file to undo it.\n"
           "\n"
           "Examples:\n"
           "  coir pick\n"
           "  coir pick --quick --write\n"
           "  coir pick --workload echo --connections 2000 --goal p99\n"
           "  sudo coir pick --budget 60s --write system\n"
           "  coir pick --reactor epoll,io_uring --json\n";
}

constexpr const char* http_details =
    "Measures servers that are already running, each named by --connect, in interleaved rounds: a GET\n"
    "again and again on connections that stay open, or are made anew where the server ends them. The\n"
    "first server is the base. A closed loop: each answer is followed by the next request, so\n"
    "latencies are those of a loaded server. A status of 400 and above is an error.\n"
    "\n"
    "Examples:\n"
    "  coir bench http --connect 127.0.0.1:8080\n"
    "  coir bench http --connect 127.0.0.1:8080 --connect 127.0.0.1:8081 --path /index.html\n"
    "  coir bench http --connect 127.0.0.1:8080 --pid $(pidof server) --connections 1,64,1000\n"
    "  coir bench http --connect [::1]:80 --pipeline 16 -o result.json\n";

constexpr const char* resp_details =
    "Measures servers with the protocol of Redis that are already running, each named by --connect,\n"
    "in interleaved rounds: one command again and again. The first server is the base. A closed\n"
    "loop: each answer is followed by the next request. Errors that the server answers are errors.\n"
    "\n"
    "Examples:\n"
    "  coir bench resp --connect 127.0.0.1:6379\n"
    "  coir bench resp --connect 127.0.0.1:6379 --connect 127.0.0.1:6380 --command 'SET key value'\n"
    "  coir bench resp --connect 127.0.0.1:6379 --command 'GET key' --pipeline 16\n";

constexpr const char* list_details =
    "Example:\n"
    "  coir bench list\n";

constexpr const char* show_details =
    "Prints the tables of a file again that `coir bench --output` or `coir bench --json` wrote.\n"
    "\n"
    "Examples:\n"
    "  coir bench show result.json\n"
    "  coir bench show --wide result.json\n";

constexpr const char* compare_details =
    "Compares the cases that both files have, subject by subject. Two runs see different\n"
    "disturbances, so a case counts as slower only when the whole 95 % interval of the ratio of\n"
    "medians lies beyond the threshold. Files of different machines are compared, with a warning.\n"
    "\n"
    "Examples:\n"
    "  coir bench compare before.json after.json\n"
    "  coir bench compare --threshold 10 before.json after.json   for a noisy machine\n"
    "\n"
    "Exit status: 4 when a reactor is slower than before beyond the threshold; 2 when a file cannot\n"
    "be read, or the two have no case in common.\n";

constexpr const char* report_details =
    "Writes one page that needs nothing else: charts, a table under each, the machine, what\n"
    "disturbed. Several files stand side by side. --hgrm writes a latency distribution for each\n"
    "case and subject instead, in the text form that HdrHistogram's plotters read.\n"
    "\n"
    "Examples:\n"
    "  coir bench report result.json --html -o report.html\n"
    "  coir bench report before.json after.json --html -o report.html\n"
    "  coir bench report result.json --hgrm distributions/\n";

constexpr const char* doctor_details =
    "Looks at everything that makes programs on coir fail or crawl on a machine: reactors, limits,\n"
    "containers and their quotas, the COIR_* variables, recorded choices, libcoir-legacy. Says of\n"
    "each whether it is fine, and what to do where it is not.\n"
    "\n"
    "Examples:\n"
    "  coir doctor\n"
    "  coir doctor --json | jq -r '.checks[] | select(.level != \"ok\") | .what'\n"
    "\n"
    "Exit status: 1 when there is a problem; notes alone are no problem.\n";

constexpr const char* config_details =
    "Says which reactor a program gets that leaves the choice to coir, and where that was decided:\n"
    "  1. the program itself, or --reactor of `coir run`\n"
    "  2. COIR_REACTOR\n"
    "  3. the user's file, $XDG_CONFIG_HOME/coir/reactor\n"
    "  4. the machine's file, /etc/coir/reactor\n"
    "  5. what is built in: epoll, io_uring, poll, the first that is usable\n"
    "COIR_CONFIG names one file in the place of the two. Also lists the other variables that are set.\n"
    "\n"
    "Examples:\n"
    "  coir config\n"
    "  COIR_REACTOR=poll coir config --json\n";

constexpr const char* completion_details =
    "Prints a script that completes commands, options and their values.\n"
    "\n"
    "Examples:\n"
    "  coir completion bash > ~/.local/share/bash-completion/completions/coir\n"
    "  coir completion zsh > ~/.zfunc/_coir      where $fpath has ~/.zfunc\n"
    "  coir completion fish > ~/.config/fish/completions/coir.fish\n";

constexpr const char* run_footer =
    "Sets COIR_REACTOR and runs the program in place of this command: its exit status and its\n"
    "signals are its own. A program that names its reactor itself is not affected.\n"
    "\n"
    "With --legacy, libcoir-legacy is preloaded: calls of libc that would block the thread suspend\n"
    "the task that makes them. That needs a program that uses libcoir.so, and whose file is neither\n"
    "linked statically nor set-user-ID. --legacy=io,dns restricts it to categories of calls.\n"
    "\n"
    "With --threads-as-tasks (experimental), a program that knows nothing of coir is run with its\n"
    "threads as tasks of one thread: those that pthread_create makes, each with thread-locals of\n"
    "its own. A self-test comes first; where it fails, the program is not started.\n"
    "\n"
    "Examples:\n"
    "  coir run --reactor io_uring -- ./server --port 8080\n"
    "  coir run --reactor io_uring,epoll -- ./server    the first one that works\n"
    "  coir run --reactor auto -- ./server              without a COIR_REACTOR that is set\n"
    "  coir run --legacy -- ./server\n"
    "  coir run --legacy=all,stdio --reactor epoll -- ./server\n"
    "  coir run --legacy --force -- sh -c './server'    what sh runs gets it, too\n"
    "  coir run --legacy --threads-as-tasks -- ./thread_per_connection_server\n"
    "\n"
    "Exit status: the program's; 2 unknown reactor or category, or a program without libcoir,\n"
    "3 the reactor or --threads-as-tasks cannot be had here, 126 the program cannot be run, or not\n"
    "so, 127 there is no such program.\n";
constexpr const char* audit_footer =
    "Reads 64-bit ELF files for x86-64 and aarch64, and runs nothing. Says for each which functions\n"
    "of libc it imports that libcoir-legacy replaces, which it makes on a thread meanwhile, and for\n"
    "what is left over, what to do:\n"
    "  blocks   the whole thread waits in the call, with all of its tasks\n"
    "  remedy   works, when the remedy is heeded\n"
    "  note     good to know; the verdict is the same\n"
    "Risks are what goes past every replaced function: inline system calls (found by a heuristic),\n"
    "static linking, Go, set-user-ID bits, rings of its own, variables of the thread.\n"
    "\n"
    "Examples:\n"
    "  coir audit /usr/lib/x86_64-linux-gnu/libpq.so.5\n"
    "  coir audit --deps ./server                       with all that it loads, but libc\n"
    "  nm -D libfoo.so | coir audit -                   a list of names, here or elsewhere\n"
    "  coir audit --quiet --allow stdio,flock build/*.so    in a build\n"
    "  coir audit --json libfoo.so | jq -r '.files[].uncovered[] | .symbol + \": \" + .remedy'\n"
    "\n"
    "Exit status: 0 every verdict is 'works' (--strict: and there is no note), 1 there is something\n"
    "to look at, 2 bad usage, or a file or a dependency cannot be read.\n";

std::vector<std::string> reactor_names() {
    return {"epoll", "io_uring", "poll"};
}

std::vector<std::string> scenario_words() {
    std::vector<std::string> words = names_of(all_scenarios());
    words.emplace_back("all");
    return words;
}

CommandInfo reactors_test_info(Options& all) {
    ReactorsTestOptions& options = all.reactors_test;
    CommandInfo info;
    info.name = "test";
    info.summary = "The conformance matrix on a reactor, also on one of your own";
    info.usage = "[OPTIONS] REACTOR...";
    info.details = reactors_test_details;
    info.options = {{"--operation", "NAME", "This row only: " + listed(matrix_operations()),
                     &options.operation, matrix_operations()},
                    {"--json", "", "Print JSON: schema coir.conformance/1, an object per reactor",
                     &options.json}};
    info.arguments = {"REACTOR...", "Names, or libraries that register some (./mine.so)",
                      &options.reactors, 1, 1'000, reactor_names(), true};
    info.run = [&options] { return reactors_test_command(options); };
    return info;
}

CommandInfo reactors_info(Options& all) {
    ReactorsOptions& options = all.reactors;
    CommandInfo info;
    info.name = "reactors";
    info.summary = "Which reactors work here, and which one 'auto' gives";
    info.usage = "[--json]";
    info.details = reactors_footer;
    info.commands = {reactors_test_info(all)};
    info.options = {{"--json", "", "Print JSON: schema coir.reactors/1", &options.json}};
    info.run = [&options] { return reactors_command(options); };
    return info;
}

std::vector<OptionInfo> connect_options(ConnectOptions& options) {
    return {{"--connect", "HOST:PORT", "The server; may be repeated, to compare several",
             &options.servers},
            {"--pid", "PID", "The server's process, for its CPU time and memory; as often as --connect",
             &options.pids},
            {"--pipeline", "N", "Requests under way on each connection (default: 1)",
             &options.pipeline},
            {"--connections", "N,M", "Connections; several cases with several numbers (default: 64)",
             &options.connections},
            {"--rounds", "N", "Interleaved rounds (default: 5)", &options.rounds},
            {"--seconds", "S", "Length of a round (default: 1)", &options.seconds},
            {"--output", "FILE",
             "Also write the results there, as JSON: for bench show, compare and report",
             &options.output, {}, true, "-o"},
            {"--wide", "", "Every metric in the table", &options.wide},
            {"--json", "", "Print JSON: schema coir.bench/1", &options.json}};
}

CommandInfo bench_http_info(Options& all) {
    ConnectOptions& options = all.http;
    CommandInfo info;
    info.name = "http";
    info.summary = "Measure HTTP servers that are running";
    info.usage = "--connect HOST:PORT... [OPTIONS]";
    info.details = http_details;
    info.options = connect_options(options);
    info.options.insert(info.options.begin() + 1,
                        {"--path", "PATH", "What to get (default: /)", &options.request});
    info.run = [&options] { return bench_http_command(options); };
    return info;
}

CommandInfo bench_resp_info(Options& all) {
    ConnectOptions& options = all.resp;
    CommandInfo info;
    info.name = "resp";
    info.summary = "Measure servers with the protocol of Redis that are running";
    info.usage = "--connect HOST:PORT... [OPTIONS]";
    info.details = resp_details;
    info.options = connect_options(options);
    info.options.insert(info.options.begin() + 1, {"--command", "WORDS",
                                                   "What to ask (default: PING)", &options.request});
    info.run = [&options] { return bench_resp_command(options); };
    return info;
}

CommandInfo bench_list_info() {
    CommandInfo info;
    info.name = "list";
    info.summary = "The scenarios";
    info.details = list_details;
    info.run = [] { return bench_list_command(); };
    return info;
}

CommandInfo bench_show_info(Options& all) {
    ShowOptions& options = all.show;
    CommandInfo info;
    info.name = "show";
    info.summary = "Print a file of results as tables";
    info.usage = "[--wide] FILE";
    info.details = show_details;
    info.options = {{"--wide", "", "Every metric", &options.wide}};
    info.arguments = {"FILE", "Of coir bench --output", &options.files, 1, 1, {}, true};
    info.run = [&options] { return bench_show_command(options); };
    return info;
}

CommandInfo bench_compare_info(Options& all) {
    CompareOptions& options = all.compare;
    CommandInfo info;
    info.name = "compare";
    info.summary = "Compare two files of results: before and after";
    info.usage = "[OPTIONS] OLD NEW";
    info.details = compare_details;
    info.options = {
        {"--threshold", "PERCENT", "How much slower counts (default: 5)", &options.threshold},
        {"--json", "", "Print JSON: schema coir.compare/1", &options.json}};
    info.arguments = {"OLD NEW", "Of coir bench --output", &options.files, 2, 2, {}, true};
    info.run = [&options] { return bench_compare_command(options); };
    return info;
}

CommandInfo bench_report_info(Options& all) {
    ReportOptions& options = all.report;
    CommandInfo info;
    info.name = "report";
    info.summary = "Make a page with charts of files of results";
    info.usage = "FILE... --html [--output FILE]";
    info.details = report_details;
    info.options = {
        {"--html", "", "One self-contained page", &options.html},
        {"--hgrm", "FOLDER", "Latency distributions, one file each", &options.hgrm, {}, true},
        {"--output", "FILE", "Where the page goes (default: standard output)", &options.output, {}, true, "-o"}};
    info.arguments = {"FILE...", "Of coir bench --output", &options.files, 1, 100, {}, true};
    info.run = [&options] { return bench_report_command(options); };
    return info;
}

CommandInfo bench_info(Options& all) {
    BenchOptions& options = all.bench;
    CommandInfo info;
    info.name = "bench";
    info.summary = "Measure scenarios on several reactors";
    info.usage = "[SCENARIO...] [OPTIONS]";
    info.details = bench_details();
    info.options = {
        {"--reactor", "A,B",
         "Reactors to compare, the first one is the base (default: all, the usable ones)",
         &options.reactor, reactor_names(), false, {}, true},
        {"--rounds", "N", "Interleaved rounds (default: 5)", &options.rounds},
        {"--seconds", "S", "Length of a round (default: 1; 0.25 when no scenario is named)",
         &options.seconds},
        {"--connections", "N,M",
         "Connections of servers; several cases with several numbers (default: 64)",
         &options.connections},
        {"--size", "BYTES", "Size of their messages (default: 64)", &options.size},
        {"--no-baselines", "",
         "Reactors only, without the hand-written loops and threads beside them",
         &options.no_baselines},
        {"--peers", "", "echo: also servers of other libraries, those that are installed",
         &options.peers},
        {"--output", "FILE",
         "Also write the results there, as JSON: for bench show, compare and report",
         &options.output, {}, true, "-o"},
        {"--wide", "", "Every metric in the table", &options.wide},
        {"--json", "", "Print JSON: schema coir.bench/1", &options.json}};
    info.arguments = {"SCENARIO...", listed(scenario_words()), &options.scenarios, 0, 1'000,
                      scenario_words()};
    info.commands = {bench_list_info(),     bench_http_info(all),    bench_resp_info(all),
                     bench_show_info(all), bench_compare_info(all), bench_report_info(all)};
    info.run = [&options] { return bench_command(options); };
    return info;
}

CommandInfo pick_info(Options& all) {
    PickOptions& options = all.pick;
    CommandInfo info;
    info.name = "pick";
    info.summary = "Measure which reactor is best here, and recommend one";
    info.usage = "[OPTIONS]";
    info.details = pick_details();
    const std::vector<std::string> loads = names_of(pick_loads());
    info.options = {
        {"--workload", "NAME", "What the load is like: " + listed(loads) + " (default: mixed)",
         &options.workload, loads},
        {"--connections", "N", "How many connections (default: few, some and many)",
         &options.connections},
        {"--size", "BYTES", "Size of a message (default: 64)", &options.size},
        {"--goal", "NAME", "What counts: " + listed(goal_names()) + " (default: throughput)",
         &options.goal, goal_names()},
        {"--budget", "S", "Time to spend (default: 20s)", &options.budget},
        {"--quick", "", "The same as --budget 5s", &options.quick},
        {"--reactor", "A,B", "Candidates (default: all usable)", &options.reactor, reactor_names(), false,
         {}, true},
        {"--write", "[user|system]",
         "Record the choice, for programs that leave it to coir (default: user)", &options.write,
         {"user", "system"}},
        {"--explain", "", "Also print every case, how it is decided, and the machine",
         &options.explain},
        {"--json", "", "Print JSON: schema coir.pick/1", &options.json}};
    info.run = [&options] { return pick_command(options); };
    return info;
}

CommandInfo run_info(Options& all) {
    RunOptions& options = all.run;
    CommandInfo info;
    info.name = "run";
    info.summary = "Run a program on a reactor";
    info.usage = "[--reactor NAME] [--legacy[=LIST]] [OPTIONS] -- PROGRAM [ARGUMENT...]";
    info.details = run_footer;
    info.options = {
        {"--reactor", "NAME", "The reactor, or a list of which the first usable one is taken",
         &options.reactor, reactor_names(), false, {}, true},
        {"--legacy", "[=LIST]", "Preload libcoir-legacy: all of it, or a list such as all,stdio",
         &options.legacy_given, {"all", "io", "sleep", "dns", "locks", "keys", "proc", "stdio", "files"}, false, {}, true},
        {"--force", "", "--legacy: also for a program that has no tasks", &options.force},
        {"--threads-as-tasks", "", "--legacy: make tasks of the program's threads (experimental)",
         &options.threads_as_tasks}};
    info.arguments = {"PROGRAM", "What to run, and its arguments", &options.program};
    info.takes_program = true;
    info.run = [&options] {
        if (!options.legacy_given.empty()) options.legacy = options.legacy_given[0];
        return run_command(options);
    };
    return info;
}

CommandInfo audit_info(Options& all) {
    AuditOptions& options = all.audit;
    CommandInfo info;
    info.name = "audit";
    info.summary = "Which calls of a library libcoir-legacy covers, and which not";
    info.usage = "[OPTIONS] FILE...";
    info.details = audit_footer;
    info.options = {{"--deps", "", "Also what they need, but for libc", &options.deps},
                    {"--allow", "NAME,...",
                     "Leave out functions, groups of them, or risks; may be repeated", &options.allow},
                    {"--strict", "", "Notes count, too", &options.strict},
                    {"--quiet", "", "Only a line for each file: its verdict", &options.quiet},
                    {"--json", "", "Print JSON: schema coir.audit/1", &options.json}};
    info.arguments = {"FILE...", "Programs and shared libraries; - for a list of names",
                      &options.files, 0, 1'000'000, {}, true};
    info.run = [&options] { return audit_command(options); };
    return info;
}

CommandInfo doctor_info(Options& all) {
    DoctorOptions& options = all.doctor;
    CommandInfo info;
    info.name = "doctor";
    info.summary = "What on this machine is in the way of programs on coir";
    info.usage = "[--json]";
    info.details = doctor_details;
    info.options = {{"--json", "", "Print JSON: schema coir.doctor/1", &options.json}};
    info.run = [&options] { return doctor_command(options); };
    return info;
}

CommandInfo config_info(Options& all) {
    ConfigOptions& options = all.config;
    CommandInfo info;
    info.name = "config";
    info.summary = "Which settings are in force, and where they came from";
    info.usage = "[--json]";
    info.details = config_details;
    info.options = {{"--json", "", "Print JSON: schema coir.config/1", &options.json}};
    info.run = [&options] { return config_command(options); };
    return info;
}

CommandInfo completion_info(Options& all) {
    CommandInfo info;
    info.name = "completion";
    info.summary = "Print a script for a shell: bash, zsh, fish";
    info.usage = "SHELL";
    info.details = completion_details;
    info.arguments = {"SHELL", listed(shell_names()), &all.shells, 1, 1, shell_names()};
    info.run = [&all] {
        write_stdout(format_completion(make_commands(all), all.shells.at(0)));
        return exit_ok;
    };
    return info;
}

CommandInfo man_info(Options& all) {
    CommandInfo info;
    info.name = "man";
    info.summary = "Print the manual page, coir(1)";
    info.details = "Example:\n  coir man | man -l -\n";
    info.run = [&all] {
        write_stdout(format_man_page(make_commands(all)));
        return exit_ok;
    };
    return info;
}

}  // namespace

CommandInfo make_commands(Options& all) {
    CommandInfo root;
    root.name = "coir";
    root.summary = about;
    root.usage = "COMMAND [OPTIONS]";
    root.details = main_details;
    root.options = {{"--version", "", "Print the version and exit", &all.version}};
    root.commands = {reactors_info(all), bench_info(all),  pick_info(all),
                     run_info(all),      audit_info(all),  sim_info(all.sim), doctor_info(all),
                     config_info(all),   completion_info(all), man_info(all)};
    return root;
}

}  // namespace coir_tool
