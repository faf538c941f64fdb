// SPDX-License-Identifier: BSL-1.0
// Every point of a scenario, once and for ever, in a process of its own.
#pragma once

#include "injection.hpp"
#include "scenario.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace coir_faults {

struct SweepOptions {
    std::string reactor;
    /// Points are taken in a scattered order until this is used up; zero: all of them.
    std::chrono::milliseconds budget{0};
};

struct SweepResult {
    std::uint64_t points = 0;  ///< of a run without faults
    std::uint64_t runs = 0;    ///< with a fault
    std::uint64_t wrong = 0;   ///< of these; each is named on stdout
};

/// Sweeps in forked children, one after another: what a crash or hang ends is counted, and the next
/// child goes on behind it.
SweepResult sweep(const Scenario& scenario, Kind kind, const SweepOptions& options);

}  // namespace coir_faults
