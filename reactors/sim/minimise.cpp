// SPDX-License-Identifier: BSL-1.0
// coir::testing::minimise: a failing run with as few choices as possible that fails the same way.
#include "choices.hpp"
#include "fault_table.hpp"
#include "order.hpp"
#include "outcome.hpp"

#include <coir/testing.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace coir {
inline namespace v0 {
namespace testing {
namespace {

using coir::detail::sim::FaultKind;
using coir::detail::sim::Order;
using coir::detail::sim::Outcome;
using coir::detail::sim::run_here;
using coir::detail::sim::run_in_child;
using coir::detail::sim::Site;

constexpr SimChoice harmless{0, 1, 0};  // whatever is asked

class Minimiser {
public:
    Minimiser(SimOptions options, const std::function<void()>& program, const SimBudget& budget)
        : best_(std::move(options)), program_(program), runs_left_(budget.runs),
          until_(saturating_add(coir::detail::real_sys().now(), budget.time)) {
        best_.trace = nullptr;  // of thousands of runs
    }

    SimFailure run() {
        record();
        bool smaller = true;
        while (smaller && !spent()) {
            const std::size_t before = weight(best_.replay);
            simplify_world();
            drop_kinds();
            cut_tail();
            clear_ranges();
            shrink_picks();
            close_gaps();
            smaller = weight(best_.replay) < before;
        }
        trim();
        return {best_, signature_, runs_, weight(best_.replay)};
    }

private:
    static std::size_t weight(const std::vector<SimChoice>& choices) {
        return static_cast<std::size_t>(std::count_if(
            choices.begin(), choices.end(), [](const SimChoice& one) { return one.picked != 0; }));
    }
    bool spent() const {
        return runs_left_ == 0 || coir::detail::real_sys().now() >= until_;
    }

    // In a child first: what ends a process must not end this one.
    void record() {
        SimOptions options = best_;
        options.record = true;
        Outcome outcome = run_in_child(options, program_);
        ++runs_;
        if (outcome.failed && !outcome.ended_process) {
            run_ = &run_here;
            outcome = run_here(options, program_);
        }
        if (!outcome.failed) {
            throw std::invalid_argument("coir: minimise: seed " + std::to_string(best_.seed) +
                                        " does not fail");
        }
        if (outcome.ended_process && outcome.choices.empty()) {
            throw std::invalid_argument("coir: minimise: seed " + std::to_string(best_.seed) +
                                        ": " + outcome.signature +
                                        "; what it chose before that is not known");
        }
        signature_ = outcome.signature;
        if (!best_.faults) best_.faults = SimFaults::drawn(best_.seed);
        best_.order = Order(best_.order, best_.seed).kind();
        best_.replay = std::move(outcome.choices);
        if (best_.replay.empty()) best_.replay.push_back(harmless);
    }

    // Keeps the candidate when it fails as the first run did.
    bool try_it(const SimOptions& candidate) {
        if (spent()) return false;
        --runs_left_;
        ++runs_;
        const Outcome outcome = run_(candidate, program_);
        if (!outcome.failed || outcome.signature != signature_) return false;
        best_ = candidate;
        return true;
    }

    // Without a kind of fault, and without the choices that it makes.
    template <class Drop>
    void drop_kind(std::span<const Site> sites, Drop drop) {
        SimOptions candidate = best_;
        drop(*candidate.faults);
        std::erase_if(candidate.replay, [&](const SimChoice& one) {
            return std::any_of(sites.begin(), sites.end(), [&](Site site) {
                return site != Site{} && one.site == static_cast<std::uint16_t>(site);
            });
        });
        if (candidate.replay.empty()) candidate.replay.push_back(harmless);
        if (candidate.faults->to_string() != best_.faults->to_string()) try_it(candidate);
    }

    // The plainest of both: tasks in a row, and calls that are made by who wants them.
    void simplify_world() {
        SimOptions candidate = best_;
        candidate.order = SimOrder::fifo;
        if (best_.order != candidate.order) try_it(candidate);
        candidate = best_;
        candidate.reactor = SimReactor::readiness;
        if (best_.reactor != candidate.reactor) try_it(candidate);
    }

    void drop_kinds() {
        for (const FaultKind& kind : coir::detail::sim::fault_kinds()) {
            drop_kind(kind.sites, [&kind](SimFaults& faults) { kind.turn_off(faults); });
        }
        constexpr Site of_jitter[] = {Site::latency};
        drop_kind(of_jitter, [](SimFaults& faults) { faults.jitter = {}; });
        drop_kind({}, [](SimFaults& faults) { faults.latency = {}; });
        drop_kind({}, [](SimFaults& faults) { faults.bytes_per_second = 0; });
    }

    // What comes after the failure, and as much of what came before as can be left to itself.
    void cut_tail() {
        std::size_t low = 1;
        while (low < best_.replay.size() && !spent()) {
            SimOptions candidate = best_;
            const std::size_t middle = low + (best_.replay.size() - low) / 2;
            candidate.replay.resize(middle);
            if (!try_it(candidate)) low = middle + 1;
        }
    }

    void clear_ranges() {
        for (std::size_t size = best_.replay.size(); size > 0 && !spent(); size /= 2) {
            for (std::size_t at = 0; at < best_.replay.size(); at += size) {
                SimOptions candidate = best_;
                const std::size_t end = std::min(at + size, candidate.replay.size());
                bool changes = false;
                for (std::size_t i = at; i < end; ++i) {
                    changes = changes || candidate.replay[i].picked != 0;
                    candidate.replay[i] = SimChoice{candidate.replay[i].site, 1, 0};
                }
                if (changes) try_it(candidate);
            }
        }
    }

    void shrink_picks() {
        for (std::size_t i = 0; i < best_.replay.size() && !spent(); ++i) {
            while (best_.replay[i].picked > 1) {
                SimOptions candidate = best_;
                candidate.replay[i].picked /= 2;
                if (!try_it(candidate)) break;
            }
        }
    }

    // A number that decides how many choices follow becomes smaller only when those that fall away are
    // left out as well.
    void close_gaps() {
        constexpr std::size_t few = 64;
        for (std::size_t i = 0; i < best_.replay.size() && best_.replay.size() <= few; ++i) {
            while (best_.replay[i].picked > 0 && lower_and_leave_out(i)) {
            }
        }
    }

    bool lower_and_leave_out(std::size_t lowered) {
        constexpr std::size_t longest = 8;
        for (std::size_t at = lowered + 1; at < best_.replay.size(); ++at) {
            const std::size_t left = best_.replay.size() - at;
            for (std::size_t size = 1; size <= std::min(longest, left) && !spent(); ++size) {
                SimOptions candidate = best_;
                --candidate.replay[lowered].picked;
                const auto begin = candidate.replay.begin() + static_cast<std::ptrdiff_t>(at);
                candidate.replay.erase(begin, begin + static_cast<std::ptrdiff_t>(size));
                if (try_it(candidate)) return true;
            }
        }
        return false;
    }

    // The end is harmless by itself.
    void trim() {
        std::vector<SimChoice>& choices = best_.replay;
        while (choices.size() > 1 && choices.back().picked == 0) choices.pop_back();
        for (SimChoice& one : choices) {
            if (one.picked == 0) one = harmless;
        }
        best_.record = false;
    }

    SimOptions best_;
    const std::function<void()>& program_;
    std::string signature_;
    std::uint64_t runs_left_;
    std::uint64_t runs_ = 0;
    const TimePoint until_;
    Outcome (*run_)(const SimOptions&, const std::function<void()>&) = &run_in_child;
};

}  // namespace

namespace detail {

SimFailure minimise(const SimOptions& options, const std::function<void()>& program,
                    const SimBudget& budget) {
    return Minimiser(options, program, budget).run();
}

}  // namespace detail

std::string SimFailure::to_cpp(std::string_view program) const {
    // The full stop is for a message that ends in a backslash, which would go on in the next line.
    std::string text = "// Found by seed " + std::to_string(options.seed) + ": " + signature + ".\n";
    text += "const auto options = coir::testing::options_from_text(R\"(" + to_text(options) + ")\");\n";
    text += "// When SimResult::diverged, the program asks for other choices now, and this tests something else.\n";
    text += "coir::testing::simulate(options, " + std::string(program) + ");\n";
    return text;
}

}  // namespace testing
}  // namespace v0
}  // namespace coir
