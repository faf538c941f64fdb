// SPDX-License-Identifier: BSL-1.0
// The same programs where the kernel itself says no: seccomp filters, limits of an ordinary user,
// locked memory. What does not depend on what is denied must work as ever; the rest ends with a typed
// error.
#pragma once

#include "scenario.hpp"

#include <span>
#include <string>

namespace coir_faults {

struct SandboxResult {
    unsigned runs = 0;
    unsigned wrong = 0;    ///< each is named on stdout
    unsigned skipped = 0;  ///< sandboxes that this process cannot make
};

/// Each scenario in each sandbox, in a process of its own.
SandboxResult run_sandboxes(std::span<const Scenario> scenarios, const std::string& reactor);

}  // namespace coir_faults
