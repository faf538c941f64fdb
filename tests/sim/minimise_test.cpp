// SPDX-License-Identifier: BSL-1.0
// minimise(): planted bugs become small; failing runs as text.
#include "support/catch.hpp"

#include <coir/coir.hpp>
#include <coir/testing.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>

namespace testing = coir::testing;

namespace {

// A bug: it takes for granted that what was written at once is read at once.
void takes_one_read_for_granted() {
    coir::run([] {
        auto listener = coir::Listener::listen("127.0.0.1", 0);
        auto server = coir::create_task([&] {
            for (int i = 0; i < 8; ++i) {
                auto stream = listener.accept();
                char buffer[64];
                const std::size_t size = stream.read(buffer);
                if (size < 5) throw std::runtime_error("read " + std::to_string(size) + " of 5 bytes");
            }
        });
        for (int i = 0; i < 8; ++i) {
            auto stream = coir::open_connection("127.0.0.1", listener.port());
            stream.write("hello");
            coir::sleep(std::chrono::milliseconds(100));
        }
        coir::await(server);
    });
}

// A bug: what was read is out of date once others have run.
void loses_an_update() {
    int count = 0;
    coir::run([&] {
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 4; ++i) {
                group.create_task([&] {
                    for (int k = 0; k < 5; ++k) {
                        coir::sleep(std::chrono::milliseconds(1));
                        const int seen = count;
                        if (seen % 7 == 3) coir::yield_now();
                        count = seen + 1;
                    }
                });
            }
        });
    });
    if (count != 20) throw std::runtime_error("an update is lost: " + std::to_string(count));
}

testing::SimOptions first_failing(const std::function<void()>& program, bool with_faults) {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        testing::SimOptions options;
        options.seed = seed;
        if (!with_faults) options.faults = testing::SimFaults{};
        try {
            testing::simulate(options, program);
        } catch (const std::runtime_error&) {
            // Faults make errors of their own; it is the bug's that is wanted.
            try {
                throw;
            } catch (const coir::IoError&) {
                continue;
            } catch (const std::runtime_error&) {
                return options;
            }
        }
    }
    FAIL("no seed fails");
    return {};
}

void check_minimised(const std::function<void()>& program, bool with_faults,
                     const std::string& message) {
    const testing::SimOptions options = first_failing(program, with_faults);
    const testing::SimFailure failure = testing::minimise(options, program, {2000, std::chrono::seconds(20)});
    INFO(testing::to_text(failure.options));
    CHECK(failure.choices <= 25);
    CHECK(failure.runs <= 2001);
    CHECK(failure.signature.find(message) != std::string::npos);
    // It fails again, also from its text.
    CHECK_THROWS_AS(testing::simulate(failure.options, program), std::runtime_error);
    const testing::SimOptions read = testing::options_from_text(testing::to_text(failure.options));
    CHECK(testing::to_text(read) == testing::to_text(failure.options));
    CHECK_THROWS_AS(testing::simulate(read, program), std::runtime_error);
}

// The same bug in a program that ends its process when it notices.
[[maybe_unused]] void aborts_on_a_cut_read() {
    try {
        takes_one_read_for_granted();
    } catch (const coir::IoError&) {
        throw;
    } catch (const std::runtime_error&) {
        std::fprintf(stderr, "a wrong size\n");
        std::abort();
    }
}

[[maybe_unused]] void ends_without_a_word() { std::_Exit(3); }

}  // namespace

TEST_CASE("minimise: a fault that a program does not expect", "[minimise]") {
    check_minimised(takes_one_read_for_granted, true, "std::runtime_error: read # of # bytes");
}

TEST_CASE("minimise: an order that a program does not expect", "[minimise]") {
    check_minimised(loses_an_update, false, "std::runtime_error: an update is lost: #");
}

TEST_CASE("minimise: decisions of the program's own", "[minimise]") {
    const auto program = [] {
        unsigned large = 0;
        for (int i = 0; i < 40; ++i) large += testing::choose(1000) >= 800 ? 1 : 0;
        if (large >= 2) throw std::runtime_error("two large ones");
    };
    const testing::SimOptions options = first_failing(program, false);
    const testing::SimFailure failure = testing::minimise(options, program);
    INFO(testing::to_text(failure.options));
    CHECK(failure.choices == 2);
    CHECK_THROWS_AS(testing::simulate(failure.options, program), std::runtime_error);
}

TEST_CASE("minimise: a number that decides how many others follow", "[minimise]") {
    const auto program = [] {
        const std::uint32_t count = 1 + testing::choose(8);
        std::uint32_t last = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
            testing::choose(3);
            last = testing::choose(10);
        }
        if (last >= 5) throw std::runtime_error("the last is large");
    };
    const testing::SimOptions options = first_failing(program, false);
    const testing::SimFailure failure = testing::minimise(options, program);
    INFO(testing::to_text(failure.options));
    CHECK(failure.choices == 1);
    CHECK(failure.options.replay.size() == 3);
}

// ThreadSanitizer and AddressSanitizer have handlers of their own for what ends a process.
#if !COIR_TSAN && !COIR_ASAN
TEST_CASE("minimise: a run that ends its process", "[minimise]") {
    const testing::SimOptions options = first_failing(takes_one_read_for_granted, true);
    const testing::SimFailure failure =
        testing::minimise(options, aborts_on_a_cut_read, {500, std::chrono::seconds(20)});
    INFO(testing::to_text(failure.options));
    CHECK(failure.signature == "signal 6: a wrong size");
    CHECK(failure.choices <= 25);
    CHECK_THROWS_AS(testing::simulate(failure.options, takes_one_read_for_granted), std::runtime_error);
    CHECK_THROWS_AS(testing::minimise({}, ends_without_a_word), std::invalid_argument);
}
#endif

// The text of tests/sim/printed_test.inc is to_cpp()'s: it is compiled here, and fails as it did when it
// was found.
TEST_CASE("minimise: the test that it prints", "[minimise]") {
    const auto printed = [] {
#include "printed_test.inc"
    };
    CHECK_THROWS_AS(printed(), std::runtime_error);
    const char* seeds = std::getenv("COIR_SEEDS");
    REQUIRE(seeds);
    std::ifstream file(std::string(seeds) + "/../sim/printed_test.inc");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const testing::SimOptions options = first_failing(loses_an_update, false);
    const auto failure = testing::minimise(options, loses_an_update, {2000, std::chrono::seconds(20)});
    CHECK(failure.to_cpp("loses_an_update") == text);
}

TEST_CASE("minimise: what does not fail cannot be made smaller", "[minimise]") {
    CHECK_THROWS_AS(testing::minimise({}, [] {}), std::invalid_argument);
}

TEST_CASE("minimise: texts", "[minimise]") {
    const auto options = testing::options_from_text(
        "# a comment\nscenario echo_pair\nseed 17\norder uniform\nreactor io_uring\n"
        "faults partial=0.25 latency=1000 tiny_queues=1\nchoices .2 1:4=2 .1 5:2=1\n");
    CHECK(options.seed == 17);
    CHECK(options.order == testing::SimOrder::uniform);
    CHECK(options.reactor == testing::SimReactor::io_uring);
    REQUIRE(options.faults);
    CHECK(options.faults->partial == 0.25);
    CHECK(options.faults->latency == std::chrono::microseconds(1));
    CHECK(options.faults->tiny_queues);
    REQUIRE(options.replay.size() == 5);
    CHECK(options.replay[2] == testing::SimChoice{1, 4, 2});
    CHECK(options.replay[4] == testing::SimChoice{5, 2, 1});
    for (const char* bad : {"seed x", "seed", "order sideways", "faults partial", "faults nothing=1",
                            "choices 1:4=4", "choices 1:0=0", "choices 1=2", "choices .x",
                            "choices .99999999999", "reactor epoll"}) {
        INFO(bad);
        CHECK_THROWS_AS(testing::options_from_text("seed 1\n" + std::string(bad)), std::invalid_argument);
    }
    CHECK_THROWS_WITH(testing::options_from_text("sed 1\norder fifo\n"), Catch::Contains("no line 'seed N'"));
}
