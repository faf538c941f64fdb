// SPDX-License-Identifier: BSL-1.0
// Runs a test body in FIFO order and in twenty drawn orders, for what must hold in all of them.
#pragma once

#include "support/catch.hpp"
#include "support/run.hpp"

#include <cstdint>
#include <optional>

namespace coir_test {

/// A loop takes ThreadSanitizer a fifth of a second to make; there is one thread in these tests.
inline constexpr std::uint64_t drawn_orders = COIR_TSAN ? 2 : 20;

/// Calls `f` as the main task of a fresh sim loop: once in FIFO order, then with seeds 1 to 20.
template <class F>
void on_every_order(F f) {
    run_on_sim(f);
    for (std::uint64_t seed = 1; seed <= drawn_orders; ++seed) {
        INFO("sim:seed=" << seed);
        run_on_sim(f, seed);
    }
}

}  // namespace coir_test
