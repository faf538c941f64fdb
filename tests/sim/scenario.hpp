// SPDX-License-Identifier: BSL-1.0
// Runs a scenario with many seeds and checks what must hold whatever the scenario is: it ends, it
// leaves no descriptor open, and the same seed does the same again.
#pragma once

#include "support/catch.hpp"

#include <coir/coir.hpp>
#include <coir/testing.hpp>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace coir_test {

/// Catch2's own checks cost more than a whole run.
inline void expect(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error("does not hold: " + what);
}

/// Numbers for a scenario's own decisions.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed * 2 + 1) {}
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

/// Whether the faults of this seed may end a connection with `error`.
inline bool may_happen(const coir::testing::SimFaults& faults, const coir::IoError& error) {
    const int number = error.code().value();
    const bool resets = faults.reset > 0 || faults.abort_accept > 0;
    if (number == ECONNRESET || number == EPIPE) return resets;
    return number == ETIMEDOUT && faults.partition > 0;
}

inline void expect_all_may_happen(const coir::testing::SimFaults& faults,
                                  const coir::ExceptionGroup& group) {
    for (const std::exception_ptr& each : group.exceptions()) {
        try {
            std::rethrow_exception(each);
        } catch (const coir::IoError& error) {
            expect(may_happen(faults, error), error.what());
        }
    }
}

inline coir::testing::SimResult run_seed(std::uint64_t seed,
                                         const std::function<void(std::uint64_t)>& scenario) {
    coir::testing::SimOptions options;
    options.seed = seed;
    return coir::testing::simulate(options, [&] {
        coir::RunOptions run_options;
        run_options.on_deadlock = coir::OnDeadlock::fail;
        coir::run([&] { scenario(seed); }, run_options);
    });
}

/// `scenario(seed)` is the main task.
inline void for_each_seed(std::uint64_t count, const std::function<void(std::uint64_t)>& scenario) {
    const std::uint64_t first = coir::testing::detail::first_seed();
    const std::uint64_t end = first + coir::testing::detail::seed_count(count);
    for (std::uint64_t seed = first; seed != end; ++seed) {
        try {
            const auto result = run_seed(seed, scenario);
            expect(result.open_descriptors == 0, "all descriptors are closed");
            if (seed % 20 != 0) continue;
            const auto again = run_seed(seed, scenario);
            expect(again.hash == result.hash, "the same seed does the same again");
        } catch (const std::exception& error) {
            FAIL("seed " << seed << " (COIR_SIM_SEED=" << seed << "): " << error.what()
                         << "\nfaults: " << coir::testing::SimFaults::drawn(seed).to_string());
        }
    }
}

}  // namespace coir_test
