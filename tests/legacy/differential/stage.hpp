// SPDX-License-Identifier: BSL-1.0
// Running one probe, in this process or in a child that is watched.
#pragma once

#include "probe.hpp"

namespace differential {

enum class Stage : unsigned char { threads, tasks };

/// Runs the probe here; what it says goes to the descriptor.
void perform(const Probe& probe, Stage on, const std::string& reactor, int output);

/// A factor for bounds on real clocks: 1, and more under sanitizers.
int patience();

/// One run of one probe.
struct Trial {
    const Probe* probe;
    Stage on;
    std::string text;  ///< what was said, and how the process ended if not well
};

/// Runs all of them in children of their own, `jobs` at a time. A child that takes longer than
/// `bound` is killed, with all that it has started.
void perform_all(std::vector<Trial>& trials, const std::string& reactor, unsigned jobs,
                 Clock::duration bound);

}  // namespace differential
