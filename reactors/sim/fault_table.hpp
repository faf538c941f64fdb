// SPDX-License-Identifier: BSL-1.0
// The kinds of SimFaults, each once: its name, what a seed draws, and the choices that it makes. Drawing,
// words, text files, checks and the minimiser all go by this.
#pragma once

#include "choices.hpp"

#include <coir/testing.hpp>

#include <span>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

/// A probability or a flag.
struct FaultKind {
    const char* name;
    double testing::SimFaults::*rate = nullptr;  ///< null: a flag
    bool testing::SimFaults::*flag = nullptr;
    double least = 0;  ///< what is drawn is between these, small ones as often as large ones
    double most = 0;   ///< 0: never drawn
    Site sites[3] = {};  ///< whose choices go with it; those after the last one are Site{}

    bool is_on(const testing::SimFaults& faults) const noexcept {
        return rate ? faults.*rate > 0 : faults.*flag;
    }
    void turn_off(testing::SimFaults& faults) const noexcept {
        if (rate) {
            faults.*rate = 0;
        } else {
            faults.*flag = false;
        }
    }
};

/// All but latency, jitter and bytes_per_second, which are no probabilities. A seed draws them in this
/// order: new ones go to the end.
std::span<const FaultKind> fault_kinds() noexcept;

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
