// SPDX-License-Identifier: BSL-1.0
// Scenarios: programs for simulated worlds, each with its own oracle. The test program and the coir
// command share them.
//
// A new one: a file beside this one that defines a `const Scenario`, which scenarios.cpp lists.
#pragma once

#include <coir/coir.hpp>
#include <coir/testing.hpp>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace coir_scenarios {

struct Scenario {
    std::string_view name;
    std::string_view summary;
    void (*run)();  ///< the program; what it throws fails the seed
    /// What its world must be like: changes what the seed has drawn.
    void (*prepare)(coir::testing::SimOptions& options) = nullptr;
};

// In a header, because a constant is otherwise its file's own.
extern const Scenario accept_limits_scenario, bridge_sync_scenario, bufring_scenario,
    cancel_matrix_scenario, children_scenario, close_anywhere_scenario, cq_tiny_scenario,
    deadline_race_scenario, deadlock_scenario, echo_pair_scenario, echo_storm_scenario, fd_reuse_scenario,
    lock_garden_scenario, messengers_scenario, oom_scenario, op_storm_scenario, queue_pipeline_scenario,
    slowloris_scenario, task_tree_scenario, throwing_zoo_scenario, timeout_nest_scenario,
    two_loops_scenario;

const std::vector<const Scenario*>& all_scenarios();
/// Null: there is none.
const Scenario* find_scenario(std::string_view name);

/// What `options` are for this scenario: with its faults, drawn where they are not given.
coir::testing::SimOptions prepared(const Scenario& scenario, coir::testing::SimOptions options);
/// Runs it, and checks what must hold whatever it is.
coir::testing::SimResult run_scenario(const Scenario& scenario,
                                      const coir::testing::SimOptions& options);

// --- For scenarios ------------------------------------------------------------------------------

inline void expect(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error("does not hold: " + what);
}

/// `main_task` in a loop, which fails when it is deadlocked.
template <void (*main_task)()>
void in_loop() {
    coir::RunOptions options;
    options.on_deadlock = coir::OnDeadlock::fail;
    coir::run(main_task, options);
}

/// For scenarios in which nothing ends a connection, and lines have no limit.
inline void without_breaks(coir::testing::SimFaults& faults) {
    faults.reset = faults.abort_accept = faults.partition = 0;
    faults.bytes_per_second = 0;
}

/// Numbers for a scenario's own decisions.
class Dice {
public:
    explicit Dice(std::uint64_t seed = coir::testing::current_seed()) : state_(seed * 2 + 1) {}
    std::uint64_t below(std::uint64_t count) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return (state_ >> 33) % count;
    }
    std::string bytes(std::uint64_t size) {
        std::string text(size, '\0');
        for (char& c : text) c = static_cast<char>('a' + below(26));
        return text;
    }

private:
    std::uint64_t state_;
};

/// The same, where each decision is one of the world's choices: it can be replayed and minimised.
class LoggedDice {
public:
    std::uint64_t below(std::uint64_t count) {
        return coir::testing::choose(static_cast<std::uint32_t>(count));
    }
};

/// Whether the faults of this world may end a connection with `error`.
inline bool may_happen(const coir::IoError& error) {
    const coir::testing::SimFaults& faults = coir::testing::current_faults();
    const int number = error.code().value();
    const bool resets = faults.reset > 0 || faults.abort_accept > 0;
    if (number == ECONNRESET || number == EPIPE) return resets;
    return number == ETIMEDOUT && faults.partition > 0;
}

inline void expect_all_may_happen(const coir::ExceptionGroup& group) {
    for (const std::exception_ptr& each : group.exceptions()) {
        try {
            std::rethrow_exception(each);
        } catch (const coir::IoError& error) {
            expect(may_happen(error), error.what());
        }
    }
}

}  // namespace coir_scenarios
