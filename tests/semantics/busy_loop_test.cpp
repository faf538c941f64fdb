// SPDX-License-Identifier: BSL-1.0
// A loop that always has something ready still hears of the kernel, timers and other threads.
#include "support/catch.hpp"
#include "support/run.hpp"
#include "support/world.hpp"

#include <coir/await.hpp>
#include <coir/event_loop.hpp>
#include <coir/fd.hpp>
#include <coir/net.hpp>
#include <coir/run.hpp>
#include <coir/task.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using coir_test::run_in_loop;

namespace {

struct Pair {
    Pair() {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        near = coir::Fd(ends[0]);
        far = coir::Fd(ends[1]);
    }
    coir::Fd near;
    coir::Fd far;
};

// Yields until `done`, and says how often.
template <class Done>
int steps_until(Done&& done, int most = 100'000) {
    int steps = 0;
    while (steps < most && !done()) {
        coir::yield_now();
        ++steps;
    }
    return steps;
}

void let_the_kernel_be_quiet() {
    for (int i = 0; i < 10'000; ++i) coir::yield_now();
}

// A machine on which all takes so long that a millisecond is over whenever the clock is read; for a while,
// so that a loop that makes no progress there ends all the same.
class SlowMachine : public coir::detail::Sys {
public:
    coir::TimePoint now() noexcept override {
        if (++readings_ < most_readings) time_ += 1ms;
        return time_;
    }
    void begin() noexcept { readings_ = 0; }
    bool was_too_slow() const noexcept { return readings_ >= most_readings; }

private:
    static constexpr int most_readings = 20'000;
    int readings_ = 0;
    coir::TimePoint time_{1h};
};

SlowMachine slow_machine;
[[maybe_unused]] const bool registered = coir_test::register_world<slow_machine>("slow-machine");

// A reactor whose looks are to be few.
class Unhurried : public coir_test::SelectInWorld {
public:
    Unhurried() : SelectInWorld(coir::detail::real_sys()) {}
    coir::detail::Sys* world() noexcept override { return nullptr; }
    coir::Nanoseconds wait_pause() const noexcept override { return 1h; }
};

[[maybe_unused]] const bool unhurried_registered = [] {
    coir::register_reactor({"unhurried", -1, [] { return coir::Verdict{true, "of a test", ""}; },
                            [](const coir::ReactorOptions&) {
                                return std::unique_ptr<coir::Reactor>(new Unhurried);
                            }});
    return true;
}();

}  // namespace

TEST_CASE("rule 8: a reactor whose looks are expensive has few, and timers and posts keep their 256 steps") {
    coir::RunOptions options;
    options.reactor = "unhurried";
    coir::run(
        [] {
            auto& loop = coir::get_running_loop();
            Pair pair;
            bool seen = false;
            auto reader = coir::create_task([&] {
                coir::wait_readable(pair.near.get());
                seen = true;
            });
            coir::yield_now();
            REQUIRE(::write(pair.far.get(), "x", 1) == 1);
            const std::uint64_t before = loop.metrics().turns;
            steps_until([] { return false; }, 10'000);
            CHECK(loop.metrics().turns - before <= 10'000 / 4096 + 1);
            CHECK(seen);
            coir::await(reader);

            bool fired = false;
            loop.call_later(0s, [&] { fired = true; });
            CHECK(steps_until([&] { return fired; }) <= 257);
            bool ran = false;
            std::thread([&] { loop.call_soon_threadsafe([&] { ran = true; }); }).join();
            CHECK(steps_until([&] { return ran; }) <= 257);
        },
        options);
}

TEST_CASE("rule 8: tasks make progress where each look at the kernel takes longer than steps may") {
    for (const bool debug : {false, true}) {
        CAPTURE(debug);
        coir::RunOptions options;
        options.reactor = "slow-machine";
        options.debug = debug;
        slow_machine.begin();
        coir::run(
            [] {
                const auto yield_often = [] { steps_until([] { return false; }, 100); };
                auto other = coir::create_task(yield_often);
                yield_often();
                coir::await(other);
            },
            options);
        CHECK_FALSE(slow_machine.was_too_slow());
    }
}

TEST_CASE("rule 8: a busy loop whose kernel was quiet sees what comes within 4,096 steps") {
    run_in_loop([] {
        for (int round = 0; round < 10; ++round) {
            Pair pair;
            bool seen = false;
            auto reader = coir::create_task([&] {
                coir::wait_readable(pair.near.get());
                seen = true;
            });
            let_the_kernel_be_quiet();
            CHECK_FALSE(seen);
            REQUIRE(::write(pair.far.get(), "x", 1) == 1);
            CHECK(steps_until([&] { return seen; }) <= 4096 + 256);
            coir::await(reader);
        }
    });
}

TEST_CASE("rule 8: timers and posts keep their 256 steps while the kernel is quiet") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        Pair pair;
        auto idle = coir::create_task([&] { coir::wait_readable(pair.near.get()); });
        for (int round = 0; round < 10; ++round) {
            let_the_kernel_be_quiet();
            bool fired = false;
            loop.call_later(0s, [&] { fired = true; });
            CHECK(steps_until([&] { return fired; }) <= 257);

            let_the_kernel_be_quiet();
            bool ran = false;
            std::thread([&] { loop.call_soon_threadsafe([&] { ran = true; }); }).join();
            CHECK(steps_until([&] { return ran; }) <= 257);
        }
        REQUIRE(::write(pair.far.get(), "x", 1) == 1);
        coir::await(idle);
    });
}

TEST_CASE("rule 8: timers keep their 256 steps, however often the clock is read") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        for (int round = 0; round < 10; ++round) {
            const auto until = std::chrono::steady_clock::now() + 1ms;
            while (std::chrono::steady_clock::now() < until) {
            }
            const std::uint64_t turn = loop.metrics().turns;
            while (loop.metrics().turns == turn) coir::yield_now();
            // From here on the loop looks at its clock after 1, 2, 3, ... steps: 256 is not among the sums.
            bool fired = false;
            loop.call_later(0s, [&] { fired = true; });
            CHECK(steps_until([&] { return fired; }) <= 257);
        }
    });
}

TEST_CASE("rule 8: tasks that compute for long and yield have a look every 100 us") {
    if (coir_test::is_virtual_time()) return;  // in which no step takes any
    run_in_loop([] {
        constexpr auto step = 10us;
        constexpr std::uint64_t steps = 2000;
        const auto looks = [] { return coir::get_running_loop().metrics().turns; };
        Pair pair;
        auto idle = coir::create_task([&] { coir::wait_readable(pair.near.get()); });
        const std::uint64_t before = looks();
        for (std::uint64_t i = 0; i < steps; ++i) {
            const auto until = std::chrono::steady_clock::now() + step;
            while (std::chrono::steady_clock::now() < until) {
            }
            coir::yield_now();
        }
        // Ten steps are 100 us. By 500 us, at each 64th step, it would be one in 64.
        CHECK(looks() - before >= steps / 25);
        REQUIRE(::write(pair.far.get(), "x", 1) == 1);
        coir::await(idle);
    });
}
