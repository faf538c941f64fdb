// SPDX-License-Identifier: BSL-1.0
// Which reactors work here, found out in children: a seccomp filter may kill who asks.
#pragma once

#include "child.hpp"
#include "interrupt.hpp"

#include <string>
#include <vector>

namespace coir_tool {

struct ProbedReactor {
    std::string name;
    int rank = 0;
    bool usable = false;
    std::string reason;  ///< what is in force, or why it cannot be used
    std::string advice;  ///< what to do about it; may be empty

    /// Whether `auto` may give it.
    bool automatic() const noexcept { return rank >= 0; }
};

/// What a failure says to somebody who asked for a reactor, and what to do about it.
std::string describe_failure(const ChildFailure& failure);
std::string advice_for(const ChildFailure& failure);

/// Every registered reactor, best rank first: probed, then tried with a loop of its own.
std::vector<ProbedReactor> probe_reactors(InterruptWatch& interrupt);

struct AutomaticChoice {
    std::string reactor;  ///< empty when there is none
    std::string why;      ///< one sentence; when there is none, why not
};
/// What a program that leaves the choice to the library gets.
AutomaticChoice probe_automatic_choice(InterruptWatch& interrupt);

struct Probed {
    std::vector<ProbedReactor> reactors;
    AutomaticChoice choice;
};
/// Both. Throws CommandError after a signal.
Probed probe_everything();

/// The reactors to measure: those of a comma-separated list, "all" for every usable automatic one.
/// Throws UsageError for an unknown name, and CommandError (3) when one that is named, or each, is
/// unusable.
std::vector<ProbedReactor> select_reactors(const std::vector<ProbedReactor>& probed,
                                           const std::string& list);

}  // namespace coir_tool
