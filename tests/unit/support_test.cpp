// SPDX-License-Identifier: BSL-1.0
// The test support itself: tests that must fail do fail. Cases tagged [!shouldfail] fail the run
// when they pass.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>

#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

using coir_test::run_in_loop;
using coir_test::run_on_sim;

TEST_CASE("support: a REQUIRE that fails in main fails the test", "[support][!shouldfail]") {
    run_in_loop([] { REQUIRE(false); });
}

TEST_CASE("support: a REQUIRE that fails in an awaited task fails the test",
          "[support][!shouldfail]") {
    run_on_sim([] { coir::await(coir::create_task([] { REQUIRE(false); })); });
}

TEST_CASE("support: a REQUIRE that fails in a task nobody awaits fails the test",
          "[support][!shouldfail]") {
    run_on_sim([] {
        coir::spawn_detached([] { REQUIRE(false); });
        coir::yield_now();
        coir::yield_now();
    });
}

TEST_CASE("support: a CHECK that fails in a callback fails the test", "[support][!shouldfail]") {
    run_in_loop([] {
        coir::get_running_loop().call_soon([] { CHECK(false); });
        coir::yield_now();
    });
}

TEST_CASE("support: an error that nobody awaits fails the test", "[support][!shouldfail]") {
    run_in_loop([] {
        coir::spawn_detached([] { throw std::runtime_error("lost"); });
        coir::yield_now();
        coir::yield_now();
    });
}

TEST_CASE("support: a descriptor that is left open fails the test", "[support][!shouldfail]") {
    int leaked = -1;
    {
        coir_test::FdCount fds;
        leaked = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    ::close(leaked);
}

TEST_CASE("support: descriptors that are closed again are no leak", "[support]") {
    coir_test::FdCount fds;
    const int opened = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(opened >= 0);
    CHECK(fds.leaked().size() == 1);
    ::close(opened);
    CHECK(fds.leaked().empty());
}

TEST_CASE("support: an exception handler of the test's own replaces the support's", "[support]") {
    std::string seen;
    run_in_loop([&] {
        coir::get_running_loop().set_exception_handler(
            [&](const coir::ExceptionContext& context) { seen = context.message; });
        coir::spawn_detached([] { throw std::runtime_error("lost"); });
        coir::yield_now();
        coir::yield_now();
    });
    CHECK_FALSE(seen.empty());
}

TEST_CASE("support: log lines are captured with their level, and only while it lives",
          "[support]") {
    {
        coir_test::LogCapture log;
        coir::detail::log(coir::LogLevel::warning, "careful");
        coir::detail::log(coir::LogLevel::debug, "by the way");
        CHECK(log.lines().size() == 2);
        CHECK(log.contains("careful"));
        CHECK(log.count_from(coir::LogLevel::warning) == 1);
        CHECK(log.count() == 2);
        log.clear();
        CHECK(log.count() == 0);
    }
    CHECK_FALSE(coir::detail::log_enabled(coir::LogLevel::debug));
}

TEST_CASE("support: a seed gives the same order again, and seeds differ", "[support]") {
    auto order_of = [](std::uint64_t seed) {
        std::string order;
        run_on_sim(
            [&] {
                for (char name = 'a'; name < 'k'; ++name) {
                    coir::spawn_detached([&order, name] { order += name; });
                }
                for (int i = 0; i < 50; ++i) coir::yield_now();
            },
            seed);
        return order;
    };
    CHECK(order_of(1) == order_of(1));
    CHECK(order_of(1).size() == 10);
    CHECK((order_of(1) != order_of(2) || order_of(2) != order_of(3)));
}
