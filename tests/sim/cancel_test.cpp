// SPDX-License-Identifier: BSL-1.0
// Cancelling a function at each of its waits, and moving the virtual clock by hand.
#include "support/catch.hpp"

#include <coir/coir.hpp>
#include <coir/testing.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace testing = coir::testing;

namespace {

// Waits for a client and for its line; everything of it goes when it is cancelled.
void exchange_a_line() {
    auto listener = coir::Listener::listen("127.0.0.1", 0);
    coir::with_task_group([&](coir::TaskGroup& group) {
        group.create_task([&] {
            auto stream = coir::open_connection("127.0.0.1", listener.port());
            coir::sleep(1ms);
            stream.write("hallo\n");
            stream.close();
        });
        auto stream = listener.accept();
        if (stream.readline() != "hallo\n") throw std::runtime_error("another line");
    });
}

coir::Listener kept;  // outlives its world

std::string failure_of(void (*f)()) {
    try {
        testing::cancel_at_every_suspension(f);
    } catch (const std::exception& error) {
        return error.what();
    }
    return "none";
}

}  // namespace

TEST_CASE("a function that cleans up may be cancelled at every wait", "[cancel]") {
    CHECK(testing::cancel_at_every_suspension([] { coir::sleep(1s); }) == 1);
    CHECK(testing::cancel_at_every_suspension([] {}) == 0);
    CHECK(testing::cancel_at_every_suspension(&exchange_a_line) >= 2);
    testing::SimOptions options;
    for (options.seed = 0; options.seed < 20; ++options.seed) {
        options.faults = testing::SimFaults::drawn(options.seed);
        options.faults->reset = options.faults->abort_accept = options.faults->partition = 0;
        testing::cancel_at_every_suspension(&exchange_a_line, options);
    }
}

TEST_CASE("each wait is cancelled once", "[cancel]") {
    std::vector<int> reached;
    const auto waits = testing::cancel_at_every_suspension([&] {
        int done = 0;
        struct Note {
            std::vector<int>& all;
            int& done;
            ~Note() { all.push_back(done); }
        } note{reached, done};
        for (; done < 4; ++done) coir::sleep(1ms);
    });
    CHECK(waits == 4);
    // Without a cancel, at the first to the fourth wait, and one that comes too late.
    CHECK(reached == std::vector<int>{4, 0, 1, 2, 3, 4});
}

TEST_CASE("what a cancel leaves behind is found, with the wait at which it came", "[cancel]") {
    CHECK_THAT(failure_of([] {
                   coir::sleep(1ms);
                   kept = coir::Listener::listen("127.0.0.1", 0);
                   coir::sleep(1ms);
                   kept = {};
               }),
               Catch::Contains("cancelled at wait 2") && Catch::Contains("descriptors open: 1"));
    CHECK_THAT(failure_of([] {
                   auto other = coir::create_task([] { coir::sleep(1h); });
                   coir::sleep(1ms);
                   other.cancel();
                   coir::wait({other});
               }),
               Catch::Contains("cancelled at wait 1") && Catch::Contains("left tasks behind"));
    CHECK_THAT(failure_of([] {
                   try {
                       coir::sleep(1ms);
                   } catch (const coir::CancelledError&) {
                       coir::Event never;
                       coir::no_cancel([&] { never.wait(); });
                   }
               }),
               Catch::Contains("cancelled at every wait"));
    CHECK_THAT(failure_of([] { throw std::runtime_error("its own"); }), Catch::Contains("its own"));
}

TEST_CASE("the virtual clock is moved by hand", "[cancel]") {
    testing::run([] {
        std::string events;
        auto clock = coir::create_task([&] {
            for (;;) {
                coir::sleep(1s);
                events += "tick ";
            }
        });
        auto chain = coir::create_task([&] {
            for (int i = 0; i < 300; ++i) coir::yield_now();
            events += "chain ";
        });
        testing::run_until_idle();
        CHECK(events == "chain ");
        testing::advance(3s);
        CHECK(events == "chain tick tick tick ");
        testing::advance(999ms);
        CHECK(events == "chain tick tick tick ");
        clock.cancel();
        coir::wait({clock.ref(), chain.ref()});
    });
    CHECK_THROWS_AS(testing::run_until_idle(), std::logic_error);
    CHECK_THROWS_AS(coir::run([] { testing::advance(1ms); }), std::logic_error);
}
