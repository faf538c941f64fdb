// SPDX-License-Identifier: BSL-1.0
// One run of one scenario under one plan, and what was wrong with it.
#pragma once

#include "injection.hpp"
#include "scenario.hpp"

#include <cstdint>
#include <string>

namespace coir_faults {

struct Attempt {
    std::string wrong;   ///< empty: passed
    std::string ended;   ///< "result" or the error
    std::uint64_t points = 0;
    std::uint64_t failures = 0;
    bool loop_lost = false;
    std::string failed;  ///< the point
};

/// Runs it once, with the plan's fault or (first = 0) with none, when anything but the right result
/// is wrong. `reactor`: its spec.
Attempt try_once(const Scenario& scenario, const std::string& reactor, const Plan& plan);

/// Runs it once where faults may come from outside, from the kernel itself. `may_fail`: a typed error
/// is right as well.
Attempt try_outside_faults(const Scenario& scenario, const std::string& reactor, bool may_fail);

}  // namespace coir_faults
