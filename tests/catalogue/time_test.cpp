// SPDX-License-Identifier: BSL-1.0
// Wake-ups that meet a full counter, and clocks that jump.
#include "support/catch.hpp"
#include "support/run.hpp"
#include "support/world.hpp"

#include "reactors/wake_fd.hpp"

#include <coir/coir.hpp>

#include <atomic>
#include <chrono>
#include <limits>
#include <vector>

#include <poll.h>
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

TEST_CASE("B35: when the clock jumps, what is due runs once and in order") {
    REQUIRE(registered);
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
