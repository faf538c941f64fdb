// SPDX-License-Identifier: BSL-1.0
#include "rounds.hpp"

#include "child.hpp"

#include <algorithm>

namespace coir_tool {
namespace {

class Rounds {
public:
    Rounds(InterruptWatch& interrupt, const std::vector<Workload>& workloads,
           const std::vector<ProbedReactor>& reactors, const RoundPlan& plan)
        : interrupt_(interrupt), plan_(plan) {
        for (const Workload& workload : workloads) {
            WorkloadResult result;
            result.workload = &workload;
            for (const ProbedReactor& reactor : reactors) {
                result.reactors.push_back({reactor.name, {}, {}});
                result.reactors.back().samples.resize(workload.cases.size());
            }
            results_.push_back(std::move(result));
        }
        all_ = (plan.rounds + 1) * workloads.size() * reactors.size();
    }

    void run() {
        run_round(std::min(plan_.seconds, 0.1), false);
        for (std::size_t round = 0; round < plan_.rounds; ++round) {
            if (plan_.go_on && !plan_.go_on(round)) return;
            run_round(plan_.seconds, true);
        }
    }

    std::vector<WorkloadResult> take() {
        for (WorkloadResult& result : results_) drop_incomplete(result);
        return std::move(results_);
    }

private:
    void run_round(double seconds, bool keep) {
        for (WorkloadResult& result : results_) {
            for (ReactorResult& reactor : result.reactors) {
                if (plan_.progress) {
                    plan_.progress(done_, all_,
                                   result.workload->scenario + " on " + reactor.reactor);
                }
                ++done_;
                if (reactor.failure.empty()) measure(*result.workload, reactor, seconds, keep);
            }
        }
    }

    void measure(const Workload& workload, ReactorResult& reactor, double seconds, bool keep) {
        try {
            const std::vector<Sample> samples =
                workload.measure(interrupt_, reactor.reactor, seconds);
            if (!keep) return;
            for (std::size_t i = 0; i < samples.size(); ++i) {
                reactor.samples[i].push_back(samples[i]);
            }
        } catch (const ChildFailure& failure) {
            reactor.failure = failure.what();
        }
    }

    static void drop_incomplete(WorkloadResult& result) {
        std::size_t rounds = static_cast<std::size_t>(-1);
        for (ReactorResult& reactor : result.reactors) {
            if (reactor.failure.empty()) rounds = std::min(rounds, reactor.samples[0].size());
        }
        if (rounds == static_cast<std::size_t>(-1)) rounds = 0;
        for (ReactorResult& reactor : result.reactors) {
            for (auto& samples : reactor.samples) {
                samples.resize(reactor.failure.empty() ? rounds : 0);
            }
        }
        result.rounds = rounds;
    }

    InterruptWatch& interrupt_;
    const RoundPlan& plan_;
    std::vector<WorkloadResult> results_;
    std::size_t done_ = 0;
    std::size_t all_ = 0;
};

}  // namespace

std::vector<WorkloadResult> run_rounds(InterruptWatch& interrupt,
                                       const std::vector<Workload>& workloads,
                                       const std::vector<ProbedReactor>& reactors,
                                       const RoundPlan& plan,
                                       std::optional<InterruptedBySignal>& interrupted) {
    Rounds rounds(interrupt, workloads, reactors, plan);
    try {
        rounds.run();
    } catch (const InterruptedBySignal& signal) {
        interrupted = signal;
    }
    return rounds.take();
}

}  // namespace coir_tool
