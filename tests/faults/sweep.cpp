// SPDX-License-Identifier: BSL-1.0
// See sweep.hpp. The children and their parent share a page with how far they are.
#include "sweep.hpp"

#include "attempt.hpp"
#include "runtime/post_memory.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <optional>
#include <thread>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coir_faults {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int lost_a_loop = 3;
constexpr auto hang_limit = 8s;

struct Progress {
    std::atomic<std::uint64_t> step{0};    // the next one
    std::atomic<std::uint64_t> steps{0};   // 0: not known yet
    std::atomic<std::uint64_t> points{0};
    std::atomic<std::uint64_t> runs{0};
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> beats{0};
    char doing[160] = "";
};

const char* name_of(Kind kind) { return kind == Kind::calls ? "calls" : "memory"; }

class Sweeper {
public:
    Sweeper(const Scenario& scenario, Kind kind, const SweepOptions& options, Progress& progress)
        : scenario_(scenario), kind_(kind), options_(options), progress_(progress) {}

    /// False: this process has lost a loop, with all that it had; another one is to go on.
    bool run() {
        if (!warm_up()) return true;
        const Clock::time_point end = Clock::now() + options_.budget;
        const std::uint64_t points = progress_.points;
        const std::uint64_t variants = kind_ == Kind::calls ? std::min(variants_, most_variants()) : 1;
        // Each point: once with every error, and from there on.
        const std::uint64_t per_point = variants + 1;
        const std::uint64_t steps = points * per_point;
        progress_.steps = steps;
        std::uint64_t stride = steps > 3 ? steps * 5 / 8 : 1;  // scattered, for a budget
        while (std::gcd(stride, steps) > 1) ++stride;
        while (progress_.step < steps) {
            const std::uint64_t step = progress_.step++;
            const std::uint64_t at = options_.budget > 0ms ? step * stride % steps : step;
            Plan plan;
            plan.kind = kind_;
            plan.first = 1 + at / per_point;
            plan.variant = static_cast<unsigned>(at % per_point);
            plan.persistent = plan.variant == variants;
            if (!check(plan)) return false;
            if (options_.budget > 0ms && Clock::now() >= end) progress_.step = steps;
        }
        return true;
    }

private:
    std::uint64_t most_variants() const { return options_.budget > 0ms ? 2 : 7; }

    void describe(const Plan& plan, const char* phase) {
        std::snprintf(progress_.doing, sizeof progress_.doing, "%s --reactor %s --kind %s --at %llu --variant %u%s (%s)",
                      scenario_.name, options_.reactor.c_str(), name_of(kind_),
                      static_cast<unsigned long long>(plan.first), plan.variant,
                      plan.persistent ? " --persistent" : "", phase);
        ++progress_.beats;
    }

    void complain(const std::string& what) {
        ++progress_.wrong;
        std::printf("wrong: %s: %s\n", progress_.doing, what.c_str());
        std::fflush(stdout);
    }

    // What is made once in a process is made here.
    bool warm_up() {
        Plan none;
        none.kind = kind_;
        describe(none, "without faults");
        for (int i = 0; i < 3; ++i) {
            const Attempt attempt = try_once(scenario_, options_.reactor, none);
            if (!attempt.wrong.empty()) {
                complain(attempt.wrong);
                return false;
            }
            progress_.points = attempt.points;
        }
        variants_ = variants();
        return true;
    }

    // How many blocks are left by a faulty run and one without faults after it; nothing when a loop
    // was lost.
    std::optional<std::int64_t> growth(const Plan& plan, bool first) {
        const std::int64_t before = blocks_in_use();
        describe(plan, "with the fault");
        {
            const Attempt attempt = try_once(scenario_, options_.reactor, plan);
            if (first && attempt.failures > 0) ++progress_.runs;
            if (first && !attempt.wrong.empty()) complain(attempt.failed + " -> " + attempt.wrong);
            if (attempt.loop_lost) return std::nullopt;
        }
        Plan none;
        none.kind = kind_;
        describe(plan, "without, afterwards");
        {
            const Attempt attempt = try_once(scenario_, options_.reactor, none);
            if (first && !attempt.wrong.empty()) complain("the run after it: " + attempt.wrong);
        }
        return blocks_in_use() - before;
    }

    // What is kept for the next posts is not lost.
    static std::int64_t blocks_in_use() {
        coir::detail::release_post_memory();
        return live_blocks();
    }

    bool check(const Plan& plan) {
        std::optional<std::int64_t> more = growth(plan, true);
        // Something may have been made once; a leak comes again.
        for (int i = 0; more && *more > 0 && i < 2; ++i) more = growth(plan, false);
        if (more && *more > 0) complain(std::to_string(*more) + " blocks of memory are lost");
        return more.has_value();
    }

    const Scenario& scenario_;
    Kind kind_;
    const SweepOptions& options_;
    Progress& progress_;
    std::uint64_t variants_ = 1;
};

/// Waits for the child; false when it had to be killed.
bool wait_for_child(pid_t child, Progress& progress, int& status) {
    std::uint64_t beats = progress.beats;
    Clock::time_point moved = Clock::now();
    for (;;) {
        const pid_t ended = ::waitpid(child, &status, WNOHANG);
        if (ended == child) return true;
        std::this_thread::sleep_for(500us);
        if (progress.beats != beats) {
            beats = progress.beats;
            moved = Clock::now();
        } else if (Clock::now() - moved > hang_limit) {
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
            return false;
        }
    }
}

}  // namespace

SweepResult sweep(const Scenario& scenario, Kind kind, const SweepOptions& options) {
    void* const page = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return {0, 0, 1};
    Progress& progress = *new (page) Progress;
    std::uint64_t ends = 0;
    do {
        std::fflush(stdout);
        const pid_t child = ::fork();
        if (child == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const bool done = Sweeper(scenario, kind, options, progress).run();
            std::fflush(stdout);
            std::_Exit(done ? 0 : lost_a_loop);
        }
        int status = 0;
        const bool ended = wait_for_child(child, progress, status);
        if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
        if (ended && WIFEXITED(status) && WEXITSTATUS(status) == lost_a_loop) continue;
        ++ends;
        ++progress.wrong;
        std::printf("wrong: %s: %s\n", progress.doing,
                    !ended                ? "it hangs"
                    : WIFSIGNALED(status) ? ::strsignal(WTERMSIG(status))
                                          : "the process exited");
    } while (progress.steps != 0 && progress.step < progress.steps && ends < 60);
    const SweepResult result{progress.points, progress.runs, progress.wrong};
    ::munmap(page, sizeof(Progress));
    return result;
}

}  // namespace coir_faults
