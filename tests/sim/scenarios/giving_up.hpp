// SPDX-License-Identifier: BSL-1.0
// Waits that are given up, by a deadline or by a cancel, at a moment that the seed draws.
#pragma once

#include "scenario.hpp"

#include <coir/coir.hpp>

#include <chrono>

namespace coir_scenarios {

/// Runs `wait()` for at most so long, in this task with a deadline or in another that is cancelled.
/// What wait() has done by then stays done. Its errors are thrown.
template <class Wait>
void wait_for_a_while(Dice& dice, std::chrono::microseconds patience, Wait& wait) {
    if (dice.below(2) == 0) {
        try {
            coir::with_timeout(patience, [&] { wait(); });
        } catch (const coir::TimeoutError&) {
        }
        return;
    }
    auto waiter = coir::create_task([&] { wait(); });
    coir::sleep(patience);
    waiter.cancel();
    try {
        coir::await(waiter);
    } catch (const coir::TaskCancelledError&) {
    }
}

/// Calls `wait()`, with less than so much patience each time, until it has set its argument, which
/// says that it has got something.
template <class Wait>
void insist(Dice& dice, std::uint64_t most_microseconds, Wait wait) {
    bool got = false;
    auto attempt = [&] { wait(got); };
    while (!got) {
        wait_for_a_while(dice, std::chrono::microseconds(dice.below(most_microseconds)), attempt);
    }
}

}  // namespace coir_scenarios
