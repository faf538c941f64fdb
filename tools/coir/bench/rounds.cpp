// SPDX-License-Identifier: BSL-1.0
#include "rounds.hpp"

#include "child.hpp"

#include <algorithm>
#include <memory>

namespace coir_tool {
namespace {

using coir_bench::Histogram;

// One subject on one workload: the samples of its cases, round by round.
struct RoundCell {
    const Subject* subject = nullptr;
    std::vector<std::vector<Sample>> rounds;          // by case
    std::vector<std::shared_ptr<Histogram>> latency;  // by case, of all rounds
    std::string failure;
};

struct RoundRow {
    const Job* job = nullptr;
    std::vector<RoundCell> cells;
};

// A hundredth apart at least: a curve, not the histogram.
std::vector<LatencyPoint> points_of(const Histogram& latency) {
    constexpr double apart = 1.01;
    std::vector<LatencyPoint> points;
    std::uint64_t seen = 0;
    double first_of_point = 0;
    latency.for_each_bucket([&](double ns, std::uint64_t count) {
        seen += count;
        ns = std::min(ns, static_cast<double>(latency.max()));
        if (points.empty() || ns > first_of_point * apart) {
            first_of_point = ns;
            points.push_back({});
        }
        points.back() = {ns, seen};
    });
    return points;
}

class Rounds {
public:
    Rounds(InterruptWatch& interrupt, const std::vector<Job>& jobs, const RoundPlan& plan,
           NoiseGuard& noise)
        : interrupt_(interrupt), plan_(plan), noise_(noise) {
        for (const Job& job : jobs) {
            RoundRow row{&job, {}};
            const std::size_t cases = job.workload.cases.size();
            for (const Subject& subject : job.subjects) {
                row.cells.push_back({&subject, std::vector<std::vector<Sample>>(cases),
                                     std::vector<std::shared_ptr<Histogram>>(cases),
                                     {}});
            }
            all_ += (plan.rounds + 1) * row.cells.size();
            rows_.push_back(std::move(row));
        }
    }

    void run() {
        run_round(std::min(plan_.seconds, 0.1), false, false);
        for (std::size_t round = 0; round < plan_.rounds; ++round) {
            if (plan_.go_on && !plan_.go_on(round)) return;
            noise_.probe();
            run_round(plan_.seconds, true, round % 2 == 1);
        }
        if (plan_.count_syscalls) count_syscalls(std::min(plan_.seconds, 0.2));
    }

    std::vector<CaseResult> take() {
        std::vector<CaseResult> results;
        for (RoundRow& row : rows_) append(row, results);
        return results;
    }

private:
    void run_round(double seconds, bool keep, bool backwards) {
        for (RoundRow& row : rows_) {
            if (backwards) {
                for (auto cell = row.cells.rbegin(); cell != row.cells.rend(); ++cell) {
                    measure(*row.job, *cell, seconds, keep);
                }
            } else {
                for (RoundCell& cell : row.cells) measure(*row.job, cell, seconds, keep);
            }
        }
    }

    // Apart, for it slows down what it looks at. The same figure in all rounds.
    void count_syscalls(double seconds) {
        for (RoundRow& row : rows_) {
            if (!row.job->workload.count_syscalls) continue;
            for (RoundCell& cell : row.cells) {
                if (cell.failure.empty()) count_syscalls(row.job->workload, cell, seconds);
            }
        }
    }

    void count_syscalls(const Workload& workload, RoundCell& cell, double seconds) {
        show_progress(workload, cell);
        const std::vector<double> calls =
            workload.count_syscalls(interrupt_, *cell.subject, seconds);
        if (calls.size() != cell.rounds.size()) return;
        for (std::size_t i = 0; i < calls.size(); ++i) {
            for (Sample& sample : cell.rounds[i]) sample.syscalls_per_op = calls[i];
        }
    }

    void show_progress(const Workload& workload, const RoundCell& cell) const {
        if (!plan_.progress) return;
        plan_.progress(std::min(done_, all_), all_, workload.scenario + " on " + cell.subject->name);
    }

    void measure(const Job& job, RoundCell& cell, double seconds, bool keep) {
        show_progress(job.workload, cell);
        ++done_;
        if (!cell.failure.empty()) return;
        try {
            const std::vector<Measured> measured =
                job.workload.measure(interrupt_, *cell.subject, seconds);
            if (measured.size() != job.workload.cases.size()) {
                throw ChildFailure("it sent no whole result");
            }
            if (keep) add(cell, measured);
        } catch (const ChildFailure& failure) {
            cell.failure = failure.what();
        }
    }

    static void add(RoundCell& cell, const std::vector<Measured>& measured) {
        for (std::size_t i = 0; i < measured.size(); ++i) {
            cell.rounds[i].push_back(measured[i].sample);
            if (!measured[i].latency) continue;
            if (!cell.latency[i]) cell.latency[i] = std::make_shared<Histogram>();
            cell.latency[i]->merge(*measured[i].latency);
        }
    }

    static std::size_t complete_rounds(const RoundRow& row) {
        std::size_t rounds = static_cast<std::size_t>(-1);
        for (const RoundCell& cell : row.cells) {
            if (cell.failure.empty()) rounds = std::min(rounds, cell.rounds[0].size());
        }
        return rounds == static_cast<std::size_t>(-1) ? 0 : rounds;
    }

    static void append(RoundRow& row, std::vector<CaseResult>& results) {
        const std::size_t rounds = complete_rounds(row);
        const Workload& workload = row.job->workload;
        for (std::size_t i = 0; i < workload.cases.size(); ++i) {
            CaseResult result{workload.scenario, workload.title, workload.cases[i], rounds, {}};
            for (RoundCell& cell : row.cells) {
                Series series{*cell.subject, std::move(cell.rounds[i]), cell.failure, {}};
                series.rounds.resize(cell.failure.empty() ? rounds : 0);
                if (cell.latency[i] && series.has_results()) {
                    series.latency = points_of(*cell.latency[i]);
                }
                result.series.push_back(std::move(series));
            }
            results.push_back(std::move(result));
        }
    }

    InterruptWatch& interrupt_;
    const RoundPlan& plan_;
    NoiseGuard& noise_;
    std::vector<RoundRow> rows_;
    std::size_t done_ = 0;
    std::size_t all_ = 0;
};

}  // namespace

std::vector<CaseResult> run_rounds(InterruptWatch& interrupt, const std::vector<Job>& jobs,
                                   const RoundPlan& plan, NoiseGuard& noise,
                                   std::optional<InterruptedBySignal>& interrupted) {
    Rounds rounds(interrupt, jobs, plan, noise);
    try {
        rounds.run();
    } catch (const InterruptedBySignal& signal) {
        interrupted = signal;
    }
    return rounds.take();
}

}  // namespace coir_tool
