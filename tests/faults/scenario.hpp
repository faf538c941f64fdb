// SPDX-License-Identifier: BSL-1.0
// Small programs, each with its own check of what it got. Under faults each must end with the right
// result or with a typed error.
#pragma once

#include <coir/await.hpp>
#include <coir/run.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <span>
#include <string>
#include <utility>

namespace coir_faults {

struct Scenario {
    const char* name;
    void (*body)(const coir::RunOptions& options);
    /// An accept that fails leaves a client waiting, and only its time limit ends that.
    bool may_time_out = false;
    /// It has loops in other threads. One that fails is closed, and using it then is a logic_error.
    bool several_loops = false;
};

extern const std::span<const Scenario> task_scenarios;
extern const std::span<const Scenario> sync_scenarios;
extern const std::span<const Scenario> net_scenarios;
extern const std::span<const Scenario> system_scenarios;

/// A wrong result, which no fault excuses: noted, and thrown so that the scenario ends.
struct WrongResult {};
void expect(bool right, const char* what);
/// What expect() has noted since the last call, or null.
const char* take_wrong_result() noexcept;

/// How long a scenario may take: generous, and short when something fails.
std::chrono::nanoseconds patience() noexcept;

/// Runs `f` as the main task, for patience() at most.
template <class F>
auto in_loop(const coir::RunOptions& options, F&& f) {
    return coir::run([&] { return coir::with_timeout(patience(), std::forward<F>(f)); }, options);
}

/// Whether a fault may be the reason for an answer that is not the best one.
bool armed_with_faults() noexcept;

/// A folder for the files of this process, which is removed at its end.
const std::string& own_folder();

}  // namespace coir_faults
