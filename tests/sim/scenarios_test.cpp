// SPDX-License-Identifier: BSL-1.0
// Every scenario with many seeds: it ends well, leaves nothing behind, and the same seed does the
// same again.
#include "support/catch.hpp"

#include "sim/scenarios/scenario.hpp"
#include "support/run.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

using namespace coir_scenarios;

// Sanitizers take that much longer.
constexpr std::uint64_t slower = COIR_TSAN ? 20 : COIR_ASAN ? 4 : 1;

void run_seeds(const Scenario& scenario, std::uint64_t count) {
    coir_test::LogCapture log;  // servers say that they cannot accept
    const std::uint64_t first = coir::testing::detail::first_seed();
    const std::uint64_t end = first + coir::testing::detail::seed_count((count + slower - 1) / slower);
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
COIR_SCENARIO("bridge_sync", 200)
COIR_SCENARIO("bufring", 200)
COIR_SCENARIO("cancel_matrix", 200)
COIR_SCENARIO("children", 200)
COIR_SCENARIO("close_anywhere", 200)
COIR_SCENARIO("cq_tiny", 200)
COIR_SCENARIO("deadline_race", 200)
COIR_SCENARIO("deadlock", 200)
COIR_SCENARIO("echo_pair", 200)
COIR_SCENARIO("echo_storm", 200)
COIR_SCENARIO("fd_reuse", 200)
COIR_SCENARIO("lock_garden", 200)
COIR_SCENARIO("messengers", 200)
COIR_SCENARIO("oom", 200)
COIR_SCENARIO("op_storm", 200)
COIR_SCENARIO("queue_pipeline", 200)
COIR_SCENARIO("slowloris", 20)
COIR_SCENARIO("task_tree", 200)
COIR_SCENARIO("throwing_zoo", 200)
COIR_SCENARIO("timeout_nest", 200)
COIR_SCENARIO("two_loops", 200)

TEST_CASE("every scenario has a case here", "[scenarios]") { CHECK(all_scenarios().size() == 22); }

namespace {

constexpr std::uint64_t seeds_of_another = 3;

std::uint64_t hash_of(const Scenario& scenario, std::uint64_t seed) {
    coir_test::LogCapture log;
    coir::testing::SimOptions options;
    options.seed = seed;
    return run_scenario(scenario, options).hash;
}

}  // namespace

// Hidden: what the next one runs.
TEST_CASE("hashes of seeds", "[.][hashes]") {
    for (const Scenario* scenario : all_scenarios()) {
        for (std::uint64_t seed = 0; seed < seeds_of_another; ++seed) {
            std::printf("hash %016llx\n", static_cast<unsigned long long>(hash_of(*scenario, seed)));
        }
    }
}

// Where the program and its memory are is another matter there.
TEST_CASE("the same seed does the same in another process", "[scenarios]") {
    char path[4096] = {};
    REQUIRE(::readlink("/proc/self/exe", path, sizeof path - 1) > 0);
    FILE* other = ::popen(("'" + std::string(path) + "' 'hashes of seeds'").c_str(), "r");
    REQUIRE(other);
    std::vector<unsigned long long> theirs;
    char line[256];
    while (std::fgets(line, sizeof line, other)) {
        unsigned long long hash = 0;
        if (std::sscanf(line, "hash %llx", &hash) == 1) theirs.push_back(hash);
    }
    REQUIRE(::pclose(other) == 0);
    std::vector<unsigned long long> ours;
    for (const Scenario* scenario : all_scenarios()) {
        for (std::uint64_t seed = 0; seed < seeds_of_another; ++seed) {
            ours.push_back(hash_of(*scenario, seed));
        }
    }
    CHECK(ours == theirs);
}

// Numbers of descriptors are the process's, and decide when the tables of reactors grow.
TEST_CASE("the same seed does the same whatever else is open", "[scenarios]") {
    const Scenario& scenario = *find_scenario("slowloris");
    const std::uint64_t usual = hash_of(scenario, 0);
    std::vector<int> open;
    for (int i = 0; i < 40; ++i) open.push_back(::dup(STDERR_FILENO));
    const std::uint64_t beside_others = hash_of(scenario, 0);
    for (const int fd : open) ::close(fd);
    CHECK(beside_others == usual);
}

// Runs that have failed once, in COIR_SEEDS (tests/seeds).
TEST_CASE("runs that are kept pass", "[scenarios]") {
    const char* const folder = std::getenv("COIR_SEEDS");
    if (!folder) return;
    coir_test::LogCapture log;
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".txt") continue;
        INFO(entry.path().string());
        std::ifstream file(entry.path());
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        const std::size_t at = text.find("\nscenario ");
        REQUIRE(at != std::string::npos);
        const std::size_t from = at + 10;
        const Scenario* scenario = find_scenario(text.substr(from, text.find('\n', from) - from));
        REQUIRE(scenario);
        CHECK_NOTHROW(run_scenario(*scenario, coir::testing::options_from_text(text)));
        ++files;
    }
    CHECK(files > 0);
}

// Hidden, because of its many seeds: as many of each scenario as it is told to. Builds with NDEBUG have
// no probes.
TEST_CASE("every probe is reached", "[.][probes]") {
#ifdef NDEBUG
    COIR_SKIP("probes are left out of this build");
#endif
    coir_test::LogCapture log;
    const std::uint64_t count = coir::testing::detail::seed_count(300);
    for (const Scenario* scenario : all_scenarios()) {
        for (std::uint64_t seed = 0; seed < count; ++seed) {
            coir::testing::SimOptions options;
            options.seed = seed;
            run_scenario(*scenario, options);
        }
    }
    // Rings without room, which are rare otherwise.
    for (std::uint64_t seed = 0; seed < count; ++seed) {
        coir::testing::SimOptions options;
        options.seed = seed;
        options.reactor = coir::testing::SimReactor::io_uring;
        options.faults = coir::testing::SimFaults::drawn(seed);
        options.faults->busy = 0.7;
        options.faults->tiny_queues = true;
        run_scenario(*find_scenario("op_storm"), options);
    }
    CHECK(coir::testing::probes().size() > 10);
    for (const auto& probe : coir::testing::probes()) {
        INFO(probe.name);
        CHECK(probe.count > 0);
    }
}
