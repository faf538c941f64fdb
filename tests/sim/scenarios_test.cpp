// SPDX-License-Identifier: BSL-1.0
// Every scenario with many seeds: it ends well, leaves nothing behind, and the same seed does the
// same again.
#include "support/catch.hpp"

#include "sim/scenarios/scenario.hpp"
#include "support/run.hpp"

#include <string>

namespace {

using namespace coir_scenarios;

void run_seeds(const Scenario& scenario, std::uint64_t count) {
    coir_test::LogCapture log;  // servers say that they cannot accept
    const std::uint64_t first = coir::testing::detail::first_seed();
    const std::uint64_t end = first + coir::testing::detail::seed_count(count);
    for (std::uint64_t seed = first; seed != end; ++seed) {
        coir::testing::SimOptions options;
        options.seed = seed;
        std::string what;
        try {
            const auto result = run_scenario(scenario, options);
            what = result.to_string();
            if (seed % 20 != 0) continue;
            const auto again = run_scenario(scenario, options);
            expect(again.hash == result.hash, "the same seed does the same again");
        } catch (const std::exception& error) {
            FAIL(scenario.name << ", seed " << seed << " (COIR_SIM_SEED=" << seed
                               << "): " << error.what() << "\n"
                               << what << "faults: "
                               << prepared(scenario, options).faults->to_string());
        }
    }
}

}  // namespace

// One case each, so that they can be run, and fail, by themselves.
#define COIR_SCENARIO(name, count)                                        \
    TEST_CASE("scenario " name, "[seeds]") {                              \
        const Scenario* scenario = find_scenario(name);                   \
        REQUIRE(scenario);                                                \
        run_seeds(*scenario, count);                                      \
    }

COIR_SCENARIO("accept_limits", 200)
COIR_SCENARIO("bufring", 200)
COIR_SCENARIO("cancel_matrix", 200)
COIR_SCENARIO("close_anywhere", 200)
COIR_SCENARIO("cq_tiny", 200)
COIR_SCENARIO("deadline_race", 200)
COIR_SCENARIO("echo_pair", 200)
COIR_SCENARIO("echo_storm", 200)
COIR_SCENARIO("fd_reuse", 200)
COIR_SCENARIO("slowloris", 20)
COIR_SCENARIO("two_loops", 200)

TEST_CASE("every scenario has a case here", "[scenarios]") { CHECK(all_scenarios().size() == 11); }
