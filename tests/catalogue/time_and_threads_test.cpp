// SPDX-License-Identifier: BSL-1.0
// Clocks that jump, durations that are no durations, threads that end or come from elsewhere.
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/run.hpp"
#include "support/world.hpp"

#include "reactors/wake_fd.hpp"

#include <coir/coir.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

using coir_test::run_in_loop;
using namespace std::chrono_literals;

namespace {

/// The real system, but for a clock that can be set forward.
class JumpingClock final : public coir::detail::Sys {
public:
    coir::TimePoint now() noexcept override {
        return coir::detail::real_sys().now() + ahead.load();
    }
    std::atomic<coir::Nanoseconds> ahead{coir::Nanoseconds(0)};
};
JumpingClock jumping_clock;

/// select(2) knows the real clock only.
class JumpingSelect final : public coir_test::SelectInWorld {
public:
    JumpingSelect() : SelectInWorld(jumping_clock) {}
    coir::WaitResult wait(coir::TimePoint deadline, coir::CompletionList& completions) noexcept override {
        const bool relative = deadline != coir::TimePoint::min() && deadline != coir::TimePoint::max();
        if (relative) deadline -= jumping_clock.ahead.load();
        return SelectInWorld::wait(deadline, completions);
    }
};
const bool registered = [] {
    coir::register_reactor({"jumping-clock", -1, [] { return coir::Verdict{true, "of a test", ""}; },
                            [](const coir::ReactorOptions&) {
                                return std::unique_ptr<coir::Reactor>(new JumpingSelect);
                            }});
    return true;
}();

}  // namespace

TEST_CASE("B31: an eventfd that is full wakes all the same") {
    coir::detail::WakeFd wake(coir::detail::real_sys());
    const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - 1;
    REQUIRE(::write(wake.fd(), &most, sizeof most) == sizeof most);
    wake.wake();
    pollfd entry{wake.fd(), POLLIN, 0};
    CHECK(::poll(&entry, 1, 0) == 1);
    wake.noticed(true);
    CHECK(::poll(&entry, 1, 0) == 0);
    wake.wake();
    CHECK(::poll(&entry, 1, 0) == 1);
}

TEST_CASE("B33: durations at the ends of their range mean what they say") {
    using coir::Nanoseconds;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    run_in_loop([=] {
        const auto never = [](auto duration) {
            auto task = coir::create_task([duration] { coir::sleep(duration); });
            for (int i = 0; i < 3; ++i) coir::yield_now();
            const bool waits = !task.done();
            task.cancel();
            CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
            return waits;
        };
        const auto at_once = [](auto duration) {
            auto task = coir::create_task([duration] { coir::sleep(duration); });
            for (int i = 0; i < 3; ++i) coir::yield_now();
            return task.done();
        };
        using Seconds = std::chrono::duration<double>;
        CHECK(never(Nanoseconds::max()));
        CHECK(never(Nanoseconds::max() - 1ns));
        CHECK(never(std::chrono::hours::max()));
        CHECK(never(std::chrono::years(292)));
        CHECK(never(std::chrono::years(1'000'000)));
        CHECK(never(std::chrono::hours(25 * 24)));  // more milliseconds than an int has
        CHECK(never(Seconds(1e300)));
        CHECK(never(Seconds(infinity)));
        CHECK(never(Seconds(9.3e9)));
        CHECK(at_once(0ns));
        CHECK(at_once(-1ns));
        CHECK(at_once(Nanoseconds::min()));
        CHECK(at_once(std::chrono::hours::min()));
        CHECK(at_once(Seconds(-1e300)));
        CHECK(at_once(Seconds(-infinity)));
        CHECK(at_once(Seconds(-0.0)));
        CHECK_THROWS_AS(coir::sleep(Seconds(nan)), std::invalid_argument);
        CHECK_THROWS_AS(coir::wait_for(coir::create_task([] {}), Seconds(nan)), std::invalid_argument);
    });
}

TEST_CASE("B35: when the clock jumps, what is due runs once and in order") {
    REQUIRE(registered);
    if (coir_test::reactor() != "poll") return;  // it does not depend on the reactor under test
    coir::RunOptions options = coir_test::options();
    options.reactor = "jumping-clock";
    run_in_loop(
        [] {
            std::vector<int> fired;
            std::vector<coir::Task<void>> tasks;
            for (const int hours : {7, 1, 9, 3}) {
                tasks.push_back(coir::create_task([&fired, hours] {
                    coir::sleep(std::chrono::hours(hours));
                    fired.push_back(hours);
                }));
            }
            coir::yield_now();
            jumping_clock.ahead = 8h;  // as after a suspend
            coir::sleep(1ms);
            CHECK(fired == std::vector<int>{1, 3, 7});
            jumping_clock.ahead = 16h;
            coir::sleep(1ms);
            CHECK(fired == std::vector<int>{1, 3, 7, 9});
            for (auto& task : tasks) coir::await(task);
        },
        options);
}

TEST_CASE("B09: a thread that is cancelled while its loop runs ends after the loop, not inside it") {
    if (coir_test::reactor() == "select") return;  // it closes by libc's close(), a cancellation point
    std::atomic<bool> inside{false};
    std::atomic<bool> cancelled{false};
    std::atomic<bool> loop_ended{false};
    std::atomic<bool> went_on{false};
    std::thread thread([&] {
        coir::run(
            [&] {
                inside = true;
                while (!cancelled) coir::sleep(1ms);
                ::usleep(1000);  // a cancellation point
                coir::sleep(1ms);
                loop_ended = true;
            },
            coir_test::options());
        ::pthread_testcancel();
        went_on = true;
    });
    while (!inside) std::this_thread::yield();
    REQUIRE(::pthread_cancel(thread.native_handle()) == 0);
    cancelled = true;
    thread.join();
    CHECK(loop_ended);
    CHECK_FALSE(went_on);
}

TEST_CASE("B63: a loop is run on one thread, and says so to another") {
    coir::EventLoop loop(coir_test::options());
    loop.run_until_complete([] { coir::yield_now(); });
    bool refused = false;
    std::thread([&] {
        try {
            loop.run_until_complete([] {});
        } catch (const coir::WrongThreadError&) {
            refused = true;
        }
    }).join();
    CHECK(refused);
    loop.run_until_complete([] { coir::yield_now(); });
}
