// SPDX-License-Identifier: BSL-1.0
// The command line of coir. The only file that knows CLI11, which takes long to compile.
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"

#include <coir/detail/environment.hpp>
#include <coir/version.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <clocale>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace coir_tool;

constexpr const char* about =
    "coir - which reactor works here, which one is fastest, and what old code needs to run on it";

constexpr const char* main_footer =
    "Examples:\n"
    "  coir reactors                          what works on this machine, and why not\n"
    "  coir bench                             all scenarios on all reactors, half a minute\n"
    "  coir bench echo --connections 1,1000   one scenario with its options\n"
    "  coir pick --write                      measure, recommend, and record the choice\n"
    "  coir run --reactor poll -- ./server    one program on another reactor\n"
    "  coir run --legacy -- ./server          its blocking libc calls suspend tasks only\n"
    "  coir audit libfoo.so                   which of a library's calls that is true of\n"
    "\n"
    "Each command has its own --help. Results go to stdout, progress and notes to stderr.\n"
    "Exit status: 0 fine, 1 failed, 2 bad usage, 3 reactor not usable here, 130 interrupted.\n";

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
    "\n"
    "Exit status: 3 when no reactor can be had at all, or COIR_REACTOR names one that cannot.\n";

constexpr const char* bench_footer =
    "Scenarios (default: all of them, in rounds of a quarter of a second):\n"
    "  switch   yield_now() among 2 and 1,000 ready tasks\n"
    "  spawn    create_task() and await(), one by one and 1,000 at once\n"
    "  timers   call_later(): arm, cancel, fire; how late sleeping tasks go on\n"
    "  echo     TCP echo server on loopback against a load generator on another CPU\n"
    "\n"
    "The reactors take turns, round by round, so that a disturbance hits all alike. Compare the\n"
    "speed column, not figures of different runs.\n"
    "\n"
    "Examples:\n"
    "  coir bench\n"
    "  coir bench echo --connections 1,64,1000 --rounds 9\n"
    "  coir bench echo --reactor epoll,io_uring --size 4096 --seconds 0.5\n"
    "  coir bench switch spawn --json > result.json\n";

constexpr const char* pick_footer =
    "Measures echo servers with few, some and many connections, and spawning and timers to break\n"
    "ties, on every usable reactor in interleaved rounds. Recommends one, with the margin and its\n"
    "95 % interval. Without a difference beyond noise it recommends the most portable one, epoll.\n"
    "\n"
    "--write records the choice for this user ($XDG_CONFIG_HOME/coir/reactor) or for the whole\n"
    "machine (/etc/coir/reactor); programs that leave the choice to coir follow it from then on,\n"
    "until the kernel or the machine changes. Remove the file to undo it.\n"
    "\n"
    "Examples:\n"
    "  coir pick\n"
    "  coir pick --quick --write\n"
    "  sudo coir pick --budget 60s --write system\n"
    "  coir pick --reactor epoll,io_uring --json\n";

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
    "  coir run --legacy=io,sleep --reactor epoll -- ./server\n"
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

// Says how a command is called as people would write it.
class HelpFormatter : public CLI::Formatter {
public:
    HelpFormatter() { label("Positionals", "Arguments"); }
    std::string make_usage(const CLI::App* app, std::string) const override {
        const std::string name = app->get_name();
        std::string usage = "coir COMMAND [OPTIONS]";
        if (name == "reactors") usage = "coir reactors [--json]";
        if (name == "bench") usage = "coir bench [SCENARIO...] [OPTIONS]";
        if (name == "pick") usage = "coir pick [OPTIONS]";
        if (name == "run") {
            usage = "coir run [--reactor NAME] [--legacy[=LIST]] [OPTIONS] -- PROGRAM [ARGUMENT...]";
        }
        if (name == "audit") usage = "coir audit [OPTIONS] FILE...";
        return "Usage: " + usage + "\n";
    }
};

// Keeps what was typed, also when it is empty: the commands do the judging.
CLI::Option* add_text(CLI::App& app, const char* name, OptionText& text, const char* shown,
                      const char* description) {
    return app
        .add_option_function<std::string>(
            name, [&text](const std::string& value) { text = value; }, description)
        ->option_text(shown);
}

struct CommandLine {
    CLI::App app{about, "coir"};
    ReactorsOptions reactors;
    BenchOptions bench;
    PickOptions pick;
    RunOptions run;
    AuditOptions audit;
    std::vector<std::string> legacy;  ///< of run: what --legacy was given, each time
    bool version = false;

    CommandLine() {
        app.footer(main_footer);
        app.formatter(std::make_shared<HelpFormatter>());  // commands inherit it
        app.allow_extras();  // to be refused by us, with a better message
        app.require_subcommand(0, 1);
        app.set_help_flag("-h,--help", "Print this help and exit");
        app.add_flag("--version", version, "Print the version and exit");
        add_reactors();
        add_bench();
        add_pick();
        add_run();
        add_audit();
    }

private:
    CLI::App& add(const char* name, const char* description, const char* footer) {
        CLI::App& command = *app.add_subcommand(name, description);
        command.footer(footer);
        command.group("Commands");
        return command;
    }
    void add_reactors() {
        CLI::App& command = add("reactors", "Which reactors work here, and which one 'auto' gives",
                                reactors_footer);
        command.add_flag("--json", reactors.json, "Print JSON: schema coir.reactors/1");
    }
    void add_bench() {
        CLI::App& command = add("bench", "Measure scenarios on several reactors", bench_footer);
        command.add_option("scenario", bench.scenarios, "switch, spawn, timers, echo, ...; all")
            ->option_text("...");
        add_text(command, "--reactor", bench.reactor, "A,B",
                 "Reactors to compare, the first one is the base (default: all, the usable ones)");
        add_text(command, "--rounds", bench.rounds, "N", "Interleaved rounds (default: 5)");
        add_text(command, "--seconds", bench.seconds, "S",
                 "Length of a round (default: 1; 0.25 when all scenarios run)");
        add_text(command, "--connections", bench.connections, "N,M",
                 "Connections of servers; several cases with several numbers (default: 64)");
        add_text(command, "--size", bench.size, "BYTES", "Size of their messages (default: 64)");
        command.add_flag("--no-baselines", bench.no_baselines,
                         "Reactors only, without the hand-written loops and threads beside them");
        command.add_flag("--peers", bench.peers, "echo: also servers of other libraries");
        add_text(command, "--output", bench.output, "FILE",
                 "Also write the results there, as JSON: for bench show, compare and report");
        command.add_flag("--wide", bench.wide, "Every metric in the table");
        command.add_flag("--json", bench.json, "Print JSON: schema coir.bench/1");
    }
    void add_pick() {
        CLI::App& command =
            add("pick", "Measure which reactor is best here, and recommend one", pick_footer);
        add_text(command, "--workload", pick.workload, "NAME",
                 "What the load is like: mixed, echo, timers (default: mixed)");
        add_text(command, "--connections", pick.connections, "N",
                 "How many connections (default: few, some and many)");
        add_text(command, "--size", pick.size, "BYTES", "Size of a message (default: 64)");
        add_text(command, "--goal", pick.goal, "NAME",
                 "What counts: throughput, p99, cpu, memory (default: throughput)");
        add_text(command, "--budget", pick.budget, "S", "Time to spend (default: 20s)");
        command.add_flag("--quick", pick.quick, "The same as --budget 5s");
        add_text(command, "--reactor", pick.reactor, "A,B", "Candidates (default: all usable)");
        add_text(command, "--write", pick.write, "[user|system]",
                 "Record the choice, for programs that leave it to coir (default: user)")
            ->expected(0, 1);
        command.add_flag("--explain", pick.explain,
                         "Also print every case, how it is decided, and the machine");
        command.add_flag("--json", pick.json, "Print JSON: schema coir.pick/1");
    }
    void add_run() {
        CLI::App& command = add("run", "Run a program on a reactor", run_footer);
        command.prefix_command();
        add_text(command, "--reactor", run.reactor, "NAME",
                 "The reactor, or a list of which the first usable one is taken");
        // A flag, so that the word after it is not taken for its value.
        command
            .add_flag("--legacy", legacy,
                      "Preload libcoir-legacy: all of it, or categories such as io,sleep")
            ->option_text("[=LIST]");
        command.add_flag("--force", run.force, "--legacy: also for a program that has no tasks");
        command.add_flag("--threads-as-tasks", run.threads_as_tasks,
                         "--legacy: make tasks of the program's threads (experimental)");
    }
    void add_audit() {
        CLI::App& command =
            add("audit", "Which calls of a library libcoir-legacy covers, and which not", audit_footer);
        command.add_option("file", audit.files, "Programs and shared libraries; - for a list of names")
            ->option_text("...");
        command.add_flag("--deps", audit.deps, "Also what they need, but for libc");
        command
            .add_option_function<std::vector<std::string>>(
                "--allow",
                [this](const std::vector<std::string>& words) { audit.allow = words; },
                "Leave out functions, groups of them, or risks; may be repeated")
            ->option_text("NAME,...")
            ->allow_extra_args(false);
        command.add_flag("--strict", audit.strict, "Notes count, too");
        command.add_flag("--quiet", audit.quiet, "Only a line for each file: its verdict");
        command.add_flag("--json", audit.json, "Print JSON: schema coir.audit/1");
    }
};

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

[[noreturn]] void refuse_word(const CLI::App& command, const std::string& word) {
    const std::string place = command.get_name() == "coir" ? "" : command.get_name() + ": ";
    if (word.starts_with("-") && word != "-") {
        const std::vector<std::string> names = option_names(command);
        throw UsageError(place + "unknown option " + in_quotes(word) + "; allowed: " +
                         listed(names) + did_you_mean(word.substr(0, word.find('=')), names));
    }
    if (place.empty()) {
        const std::vector<std::string> names = {"reactors", "bench", "pick", "run", "audit"};
        throw UsageError("unknown command " + in_quotes(word) + "; allowed: " + listed(names) +
                         did_you_mean(word, names));
    }
    throw UsageError(place + "unexpected argument " + in_quotes(word) +
                     (command.get_name() == "run" ? " before --" : ""));
}

// CLI11 would take the next word for the value that is missing in `--rounds=`.
void refuse_empty_values(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
        if (word.starts_with("--") && word.find('=') == word.size() - 1) {
            throw UsageError(in_quotes(word) + " has no value after the =");
        }
    }
}

// CLI11's own words for a wrong number of values are hard to understand.
std::string describe(const CLI::ParseError& error) {
    const std::string text = without_prefix(error.what());
    const std::string option = text.substr(0, text.find(':'));
    if (error.get_name() == "ArgumentMismatch") {
        const bool many = text.find("received") != std::string::npos;
        return option + (many ? " is given more than once" : " needs a value");
    }
    if (error.get_name() == "ConversionError") {
        const std::size_t flag = text.find("--");  // only flags are converted by CLI11
        if (flag != std::string::npos) {
            return text.substr(flag, text.find(' ', flag) - flag) + " takes no value";
        }
    }
    return text;
}

int dispatch(CommandLine& line, std::vector<std::string> words) {
    line.bench.command = "coir";
    for (const std::string& word : words) line.bench.command += " " + word;
    // What follows `--` in `coir run` is not ours, whatever it looks like.
    bool separated = false;
    if (!words.empty() && words[0] == "run") {
        const auto mark = std::find(words.begin(), words.end(), "--");
        separated = mark != words.end();
        if (separated) line.run.program.assign(mark + 1, words.end());
        words.erase(mark, words.end());
        if (separated) refuse_empty_values(words);
    } else {
        refuse_empty_values(words);
    }
    // What people try first.
    if (!words.empty() && words[0] == "help") {
        words.erase(words.begin());
        words.emplace_back("--help");
    }
    std::reverse(words.begin(), words.end());  // as CLI11 wants it
    try {
        line.app.parse(words);
    } catch (const CLI::CallForHelp&) {
        if (!line.app.remaining().empty()) refuse_word(line.app, line.app.remaining()[0]);
        write_stdout(line.app.help());
        return exit_ok;
    } catch (const CLI::ParseError& error) {
        throw UsageError(describe(error));
    }
    if (!line.app.remaining().empty()) refuse_word(line.app, line.app.remaining()[0]);
    if (line.version) {
        write_stdout("coir " + std::string(coir::version()) + "\n");
        return exit_ok;
    }
    const std::vector<CLI::App*> chosen = line.app.get_subcommands();
    if (chosen.empty()) {
        throw UsageError("a command is needed: reactors, bench, pick, run or audit; see coir --help");
    }
    const CLI::App& command = *chosen[0];
    if (line.legacy.size() > 1) throw UsageError("--legacy is given more than once");
    if (!line.legacy.empty()) line.run.legacy = line.legacy[0];
    for (const std::string& word : command.remaining()) {
        if (word == "--") continue;
        const bool program = command.get_name() == "run" && !separated;
        if (!program || (word.starts_with("-") && line.run.program.empty())) {
            refuse_word(command, word);
        }
        line.run.program.push_back(word);
    }
    // A program that is run says it itself; here it would be said by every child.
    if (command.get_name() != "run") coir::detail::check_environment();
    if (command.get_name() == "reactors") return reactors_command(line.reactors);
    if (command.get_name() == "bench") return bench_command(line.bench);
    if (command.get_name() == "pick") return pick_command(line.pick);
    if (command.get_name() == "audit") return audit_command(line.audit);
    return run_command(line.run);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        secure_standard_streams();
        std::setlocale(LC_CTYPE, "");
        CommandLine line;
        return dispatch(line, {argv + std::min(argc, 1), argv + argc});
    } catch (const CommandError& error) {
        note(error.what());
        return error.status();
    } catch (const std::exception& error) {
        note(without_prefix(error.what()));
        return exit_failure;
    }
}
