// SPDX-License-Identifier: BSL-1.0
// See sim_runner.hpp.
#include "sim_runner.hpp"

#include "command.hpp"
#include "interrupt.hpp"
#include "progress.hpp"

#include <coir/log.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coir_tool {
namespace {

using SimScenario = coir_scenarios::Scenario;
using Clock = std::chrono::steady_clock;

// What a worker tells: memory that both have, so that it is there when the worker is not.
struct Slate {
    std::atomic<std::uint64_t> seed;
    std::atomic<std::uint64_t> done;
    std::atomic<std::uint64_t> choices;
    std::atomic<std::uint64_t> least_choices;  // of one seed; 0: none is done
    char error[1000];
};

class Slates {
public:
    explicit Slates(std::size_t count) : size_(count * sizeof(Slate)) {
        void* memory = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw CommandError(exit_failure, "sim: no memory for the workers");
        slates_ = static_cast<Slate*>(memory);
    }
    Slates(const Slates&) = delete;
    Slates& operator=(const Slates&) = delete;
    ~Slates() { ::munmap(slates_, size_); }
    Slate& operator[](std::size_t i) { return slates_[i]; }

private:
    Slate* slates_;
    std::size_t size_;
};

void say(Slate& slate, const char* error) {
    std::strncpy(slate.error, error, sizeof slate.error - 1);
}

// False: it has failed, and the slate says how.
bool run_one(const SimScenario& scenario, const coir::testing::SimOptions& options, Slate& slate,
             bool twice) {
    try {
        const auto result = coir_scenarios::run_scenario(scenario, options);
        slate.choices += result.choice_count;
        const std::uint64_t least = slate.least_choices;
        if (least == 0 || result.choice_count < least) slate.least_choices = result.choice_count;
        if (result.diverged) say(slate, "the program asks for other choices than those of the file");
        if (!twice) return true;
        if (coir_scenarios::run_scenario(scenario, options).hash == result.hash) return true;
        say(slate, "the same seed does not do the same again");
    } catch (const std::exception& error) {
        say(slate, error.what());
    } catch (...) {
        say(slate, "an exception of an unknown type");
    }
    return false;
}

[[noreturn]] void work(const SimScenario& scenario, const SeedRun& run, unsigned number, Slate& slate) {
    coir::set_log_handler([](coir::LogLevel, std::string_view) {});  // faults are the point
    for (std::uint64_t i = number; i < run.count; i += run.jobs) {
        coir::testing::SimOptions options;
        options.seed = run.first + i;
        slate.seed = options.seed;
        if (!run_one(scenario, options, slate, options.seed % 20 == 0)) ::_exit(1);
        ++slate.done;
    }
    ::_exit(0);
}

class Workers {
public:
    Workers(const SimScenario& scenario, const SeedRun& run, InterruptWatch& interrupt)
        : slates_(run.jobs), pids_(run.jobs, -1) {
        for (unsigned i = 0; i < run.jobs; ++i) {
            pids_[i] = ::fork();
            if (pids_[i] < 0) throw CommandError(exit_failure, "sim: no process for the seeds");
            if (pids_[i] > 0) continue;
            interrupt.release_in_child();
            work(scenario, run, i, slates_[i]);
        }
    }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    ~Workers() {
        for (const pid_t pid : pids_) {
            if (pid > 0) ::kill(pid, SIGKILL);
        }
        for (const pid_t pid : pids_) {
            if (pid > 0) ::waitpid(pid, nullptr, 0);
        }
    }

    /// Whether some are still at it.
    bool look(SeedReport& report) {
        bool any = false;
        report.done = report.choices = report.least_choices = 0;
        for (std::size_t i = 0; i < pids_.size(); ++i) {
            Slate& slate = slates_[i];
            int status = 0;
            if (pids_[i] > 0 && ::waitpid(pids_[i], &status, WNOHANG) == pids_[i]) {
                pids_[i] = -1;
                note_end(slate, status, report);
            }
            any = any || pids_[i] > 0;
            report.done += slate.done;
            report.choices += slate.choices;
            const std::uint64_t least = slate.least_choices;
            if (least == 0) continue;
            report.least_choices = report.least_choices == 0 ? least : std::min(report.least_choices, least);
        }
        return any;
    }

private:
    static void note_end(Slate& slate, int status, SeedReport& report) {
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
        SeedFailure failure;
        failure.seed = slate.seed;
        failure.error = slate.error;
        if (WIFSIGNALED(status)) {
            failure.ended_process = true;
            failure.error = std::string("it ended the process: ") + ::strsignal(WTERMSIG(status));
        }
        report.failed.push_back(std::move(failure));
    }

    Slates slates_;
    std::vector<pid_t> pids_;
};

}  // namespace

SeedReport run_seeds(const SimScenario& scenario, const SeedRun& run) {
    SeedReport report;
    const auto began = Clock::now();
    InterruptWatch interrupt;
    try {
        Workers workers(scenario, run, interrupt);
        Progress progress;
        const auto total = static_cast<double>(std::max<std::uint64_t>(run.count, 1));
        while (workers.look(report) && report.failed.empty()) {
            progress.show(static_cast<double>(report.done) / total,
                          std::string(scenario.name) + ", " + std::to_string(report.done) + " of " +
                              std::to_string(run.count) + " seeds");
            pollfd one{interrupt.fd(), POLLIN, 0};
            ::poll(&one, 1, report.done == 0 ? 1 : 20);
            interrupt.check();
        }
    } catch (const InterruptedBySignal& signal) {
        report.interrupted_by = signal.signo;
    }
    report.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    std::sort(report.failed.begin(), report.failed.end(),
              [](const SeedFailure& a, const SeedFailure& b) { return a.seed < b.seed; });
    return report;
}

std::string run_alone(const SimScenario& scenario, const coir::testing::SimOptions& options,
                      bool& ended_process, std::string& remark) {
    Slates slates(1);
    const pid_t pid = ::fork();
    if (pid < 0) throw CommandError(exit_failure, "sim: no process for the run");
    if (pid == 0) {
        coir::set_log_handler([](coir::LogLevel, std::string_view) {});
        ::_exit(run_one(scenario, options, slates[0], false) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    ended_process = WIFSIGNALED(status);
    if (ended_process) return std::string("it ended the process: ") + ::strsignal(WTERMSIG(status));
    if (WEXITSTATUS(status) != 0) return slates[0].error;
    remark = slates[0].error;
    return {};
}

std::vector<std::string> sim_scenario_names() {
    std::vector<std::string> names;
    for (const SimScenario* scenario : coir_scenarios::all_scenarios()) names.emplace_back(scenario->name);
    return names;
}

}  // namespace coir_tool
