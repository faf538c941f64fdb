// SPDX-License-Identifier: BSL-1.0
// The differential suite: every probe (probe.hpp) with native threads and with tasks on one thread,
// in the same program. What the two say must be equal, but for expected_differences.txt.
//
//   COIR_TEST_REACTOR=poll differential [--only TEXT] [--show] [--list] [--jobs N] EXPECTED
//
// What differs is tried again, alone: on a busy machine a thread may come too late. Each time that
// happens is told.
//
// It fails for a difference that is not listed, for a listed one that is none (any more), and for a
// probe that hangs with threads. A probe whose function is not in the table of symbols is skipped:
// it is run with threads only.
#include "expected.hpp"
#include "stage.hpp"

#include "runtime/legacy/symbols.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <set>
#include <string_view>

using namespace differential;

namespace {

const std::set<std::string_view> table = {
#define COIR_LEGACY_NAME(symbol, ...) #symbol,
    COIR_LEGACY_SYMBOLS(COIR_LEGACY_NAME)
#undef COIR_LEGACY_NAME
};

struct Options {
    std::string reactor = "epoll";
    std::string only;
    std::string expected;
    unsigned jobs = 8;
    bool show = false;
    bool list = false;
};

struct Summary {
    unsigned same = 0;
    unsigned as_listed = 0;
    unsigned skipped = 0;
    unsigned bad = 0;
};

Options parse(int argc, char** argv) {
    Options options;
    if (const char* reactor = std::getenv("COIR_TEST_REACTOR")) options.reactor = reactor;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--only" && i + 1 < argc) {
            options.only = argv[++i];
        } else if (word == "--jobs" && i + 1 < argc) {
            options.jobs = static_cast<unsigned>(std::max(std::atoi(argv[++i]), 1));
        } else if (word == "--show") {
            options.show = true;
        } else if (word == "--list") {
            options.list = true;
        } else if (word.starts_with("-") || !options.expected.empty()) {
            throw std::runtime_error("unknown argument: " + std::string(word));
        } else {
            options.expected = word;
        }
    }
    if (options.expected.empty()) throw std::runtime_error("the file of expected differences is missing");
    return options;
}

bool can_run(const Probe& probe) {
    return std::all_of(probe.needs.begin(), probe.needs.end(),
                       [](const char* symbol) { return table.count(symbol) > 0; });
}

std::string file_name(const Probe& probe) {
    const std::string path = probe.file;
    return path.substr(path.rfind('/') + 1);
}

void print_indented(const char* title, const std::string& text) {
    std::printf("    %s\n", title);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::printf("      | %s\n", text.substr(at, end - at).c_str());
        at = end + 1;
    }
}

// The probes' own mistakes: with threads, everything has to work.
bool is_sound(const Trial& trial) {
    return !trial.text.empty() && trial.text.find("HANGS") == std::string::npos &&
           trial.text.find("KILLED") == std::string::npos &&
           trial.text.find(": too early\n") == std::string::npos &&
           trial.text.find(": too late\n") == std::string::npos;
}

void judge(const Trial& threads, const Trial& tasks, const Options& options,
           const std::map<std::string, std::string>& expected, Summary& summary) {
    const Probe& probe = *threads.probe;
    const auto listed = expected.find(probe.name);
    const bool is_listed = listed != expected.end();
    const bool same = threads.text == tasks.text;
    const bool skipped = !can_run(probe);
    const char* verdict = nullptr;
    if (!is_sound(threads)) {
        verdict = "NOT SOUND: with threads it hangs, crashes, says nothing, or is not in time";
    } else if (skipped) {
        ++summary.skipped;
        return;
    } else if (!same && !is_listed) {
        verdict = "DIFFERS";
    } else if (same && is_listed) {
        verdict = "LISTED, BUT THE SAME";
    }
    summary.bad += verdict != nullptr;
    summary.same += !verdict && same;
    summary.as_listed += !verdict && !same;
    if (!verdict && !same) {
        std::printf("differs as listed: %s\n    %s\n", probe.name, listed->second.c_str());
    } else if (verdict || options.show) {
        std::printf("%s: %s (%s)\n", verdict ? verdict : "same", probe.name,
                    file_name(probe).c_str());
    }
    if (verdict || options.show) {
        print_indented("threads:", threads.text);
        print_indented("tasks:", tasks.text);
    }
}

Clock::duration bound() { return 5s * patience(); }

bool is_worth_another_try(const Trial& threads, const Trial& tasks) {
    return threads.text != tasks.text || !is_sound(threads);
}

void try_again(Trial& threads, Trial& tasks, const Options& options) {
    constexpr int attempts = 2;
    for (int i = 0; i < attempts && is_worth_another_try(threads, tasks); ++i) {
        std::printf("differs, once more: %s\n", threads.probe->name);
        if (options.show) {
            print_indented("threads:", threads.text);
            print_indented("tasks:", tasks.text);
        }
        std::vector<Trial> again = {{threads.probe, Stage::threads, {}}};
        if (can_run(*tasks.probe)) again.push_back({tasks.probe, Stage::tasks, {}});
        perform_all(again, options.reactor, 1, bound());
        threads = again.front();
        tasks = again.back();
    }
}

void say_what_is_not_probed() {
    std::set<std::string_view> left = table;
    for (const Probe& probe : all_probes()) {
        for (const char* symbol : probe.needs) left.erase(symbol);
    }
    if (left.empty()) return;
    std::printf("in the table, but without a probe:");
    for (const std::string_view symbol : left) std::printf(" %s", std::string(symbol).c_str());
    std::printf("\n");
}

void say_what_is_missing(const std::vector<const Probe*>& selected) {
    std::set<std::string_view> missing;
    for (const Probe* probe : selected) {
        for (const char* symbol : probe->needs) {
            if (table.count(symbol) == 0) missing.insert(symbol);
        }
    }
    if (missing.empty()) return;
    std::printf("skipped, because not in the table:");
    for (const std::string_view symbol : missing) std::printf(" %s", std::string(symbol).c_str());
    std::printf("\n");
}

void check_names(const std::map<std::string, std::string>& expected) {
    std::set<std::string> names;
    for (const Probe& probe : all_probes()) {
        if (!names.insert(probe.name).second) {
            throw std::runtime_error(std::string("two probes of the name ") + probe.name);
        }
    }
    for (const auto& [name, reason] : expected) {
        if (names.count(name) == 0) throw std::runtime_error("listed, but no probe: " + name);
    }
}

std::vector<const Probe*> select_probes(const Options& options) {
    std::vector<const Probe*> selected;
    for (const Probe& probe : all_probes()) {
        const std::string full = file_name(probe) + " " + probe.name;
        if (full.find(options.only) != std::string::npos) selected.push_back(&probe);
    }
    return selected;
}

int list(const Options& options) {
    for (const Probe* probe : select_probes(options)) {
        std::printf("%s%s: %s\n", can_run(*probe) ? "" : "(skipped) ", file_name(*probe).c_str(),
                    probe->name);
    }
    return 0;
}

int run(const Options& options) {
    const auto expected = read_expected(options.expected);
    check_names(expected);
    const auto selected = select_probes(options);
    std::vector<Trial> to_run;
    for (const Probe* probe : selected) {
        to_run.push_back({probe, Stage::threads, {}});
        if (can_run(*probe)) to_run.push_back({probe, Stage::tasks, {}});
    }
    perform_all(to_run, options.reactor, options.jobs, bound());
    Summary summary;
    for (std::size_t i = 0; i < to_run.size(); ++i) {
        Trial& with_threads = to_run[i];
        Trial with_tasks = can_run(*with_threads.probe) ? to_run[++i] : with_threads;
        if (expected.count(with_threads.probe->name) == 0) {
            try_again(with_threads, with_tasks, options);
        }
        judge(with_threads, with_tasks, options, expected, summary);
    }
    if (options.only.empty()) say_what_is_not_probed();
    say_what_is_missing(selected);
    std::printf("%s: %zu probes: %u the same, %u differ as listed, %u skipped, %u bad\n",
                options.reactor.c_str(), selected.size(), summary.same, summary.as_listed,
                summary.skipped, summary.bad);
    return summary.bad == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    try {
        const Options options = parse(argc, argv);
        return options.list ? list(options) : run(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "differential: %s\n", error.what());
        return 2;
    }
}
