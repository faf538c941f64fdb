// SPDX-License-Identifier: BSL-1.0
// Histories of operations, and whether a sequential model explains them.
//
// Tasks of a seeded run record when each operation was called, when it returned and with what. An
// operation that was cancelled or timed out must have had no effect: it is taken out. The others must
// have an order that agrees with the times (what had returned came before what was called later) in
// which the model gives the same results. An operation that never returned may have taken effect or
// not. The search is that of Wing and Gong, with a memory of the states it has been in.
#pragma once

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/timeout.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coir_test {

/// One operation: what it was, its argument, and what came of it.
struct Call {
    std::string name;
    int argument = 0;
    std::size_t called = 0;
    std::size_t returned = 0;  ///< 0: it has not
    std::optional<int> result = std::nullopt;
    bool had_effect = true;
};

class History {
public:
    using Operation = std::function<std::optional<int>()>;

    /// Carries out an operation that suspends: with what `f` returns, or no effect when it is
    /// interrupted. A cancellation goes on to the caller, a timeout does not.
    std::optional<int> record(std::string name, int argument, const Operation& f) {
        const std::size_t index = calls_.size();
        calls_.push_back({std::move(name), argument, ++clock_});
        try {
            const std::optional<int> result = f();
            finish(index, result, true);
            return result;
        } catch (const coir::CancelledError&) {
            finish(index, std::nullopt, false);
            throw;
        } catch (const coir::TimeoutError&) {
            finish(index, std::nullopt, false);
            return std::nullopt;
        }
    }
    const std::vector<Call>& calls() const noexcept { return calls_; }
    /// Those that had an effect, and those that had not returned.
    std::vector<Call> effective() const {
        std::vector<Call> kept;
        for (const Call& call : calls_) {
            if (call.had_effect) kept.push_back(call);
        }
        return kept;
    }
    std::string text() const {
        std::string all;
        for (const Call& call : calls_) {
            all += call.name + "(" + std::to_string(call.argument) + ") " +
                   std::to_string(call.called) + ".." + std::to_string(call.returned) + " = " +
                   (call.result ? std::to_string(*call.result) : "nothing") +
                   (call.had_effect ? "\n" : ", interrupted\n");
        }
        return all;
    }

private:
    void finish(std::size_t index, std::optional<int> result, bool had_effect) {
        calls_[index].returned = ++clock_;
        calls_[index].result = result;
        calls_[index].had_effect = had_effect;
    }
    std::vector<Call> calls_;
    std::size_t clock_ = 0;
};

/// Whether some order of `calls`, at most 63, makes `Model` say the same. A model is a value with
/// `bool apply(const Call&)` (false: this cannot happen now) and operator<.
template <class Model>
class Explanation {
public:
    explicit Explanation(const std::vector<Call>& calls) : calls_(calls) {
        if (calls.size() > 63) throw std::length_error("a history is too long to be explained");
    }
    /// `done`: those that have taken effect.
    bool search(std::uint64_t done, const Model& state) {
        const std::size_t first_return = first_return_of_the_rest(done);
        if (first_return == never_returned) return true;
        if (!seen_.emplace(done, state).second) return false;
        for (std::size_t i = 0; i < calls_.size() && calls_[i].called < first_return; ++i) {
            if ((done >> i & 1) != 0) continue;
            Model next = state;
            if (next.apply(calls_[i]) && search(done | std::uint64_t{1} << i, next)) return true;
        }
        return false;
    }

private:
    static constexpr std::size_t never_returned = std::numeric_limits<std::size_t>::max();
    std::size_t first_return_of_the_rest(std::uint64_t done) const {
        std::size_t first = never_returned;
        for (std::size_t i = 0; i < calls_.size(); ++i) {
            const bool open = (done >> i & 1) == 0 && calls_[i].returned != 0;
            if (open) first = std::min(first, calls_[i].returned);
        }
        return first;
    }
    const std::vector<Call>& calls_;
    std::set<std::pair<std::uint64_t, Model>> seen_;
};

template <class Model>
bool is_explained_by(const std::vector<Call>& calls, const Model& model) {
    return Explanation<Model>(calls).search(0, model);
}

/// Random numbers for a test's own program; the simulator's are the scheduler's.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_(seed * 2654435761u + 1) {}
    /// 0 to sides - 1.
    int roll(int sides) { return static_cast<int>(engine_() % static_cast<unsigned>(sides)); }
    bool one_in(int sides) { return roll(sides) == 0; }
    std::chrono::milliseconds moment(int most) { return std::chrono::milliseconds(roll(most)); }

private:
    std::mt19937 engine_;
};

/// `count` tasks that each run `body(who)`, some of which are cancelled at a drawn moment; returns
/// when all have ended. After `limit` the ones left are cancelled.
template <class Body>
void run_with_cancels(Dice& dice, int count, std::chrono::milliseconds limit, const Body& body) {
    std::vector<coir::Task<void>> tasks;
    for (int who = 0; who < count; ++who) {
        tasks.push_back(coir::create_task([&body, who] { body(who); }));
    }
    const int cancels = dice.roll(count);
    for (int i = 0; i < cancels; ++i) {
        coir::sleep(dice.moment(4));
        tasks[static_cast<std::size_t>(dice.roll(count))].cancel();
    }
    coir::sleep(limit);
    for (auto& task : tasks) task.cancel();
    coir::sleep(limit);
    for (auto& task : tasks) {
        if (!task.done()) throw std::runtime_error("a cancelled task waits on");
    }
    for (auto& task : tasks) {
        if (!task.cancelled()) coir::await(task);  // throws what it has thrown
    }
}

}  // namespace coir_test
