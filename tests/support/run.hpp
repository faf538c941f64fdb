// SPDX-License-Identifier: BSL-1.0
// Running test bodies as main tasks, on the reactor under test or in virtual time, and catching
// what must not get lost: failed assertions, errors of tasks that nobody awaited, log lines, fds.
#pragma once

#include <coir/await.hpp>
#include <coir/detail/config.hpp>
#include <coir/log.hpp>
#include <coir/run.hpp>

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir_test {

/// The reactor under test: COIR_TEST_REACTOR, "epoll" when that is not set.
std::string reactor();
inline bool is_virtual_time() { return reactor().rfind("sim", 0) == 0; }

/// Options for loops that a test makes itself: the reactor under test, a short grace at close.
coir::RunOptions options();
/// The same in virtual time; with a seed the order of ready tasks is drawn from it. Deadlocks throw.
coir::RunOptions sim_options(std::optional<std::uint64_t> seed = std::nullopt);

namespace detail {

/// Collects what reached a loop's exception handler, and fails the test for it.
class LostErrors {
public:
    void attach(coir::EventLoop& loop);
    /// Marks the running test as failed for every error collected.
    void report();

private:
    std::vector<std::string> messages_;
};

template <class F>
auto run(F&& f, coir::RunOptions run_options) -> std::invoke_result_t<std::decay_t<F>> {
    LostErrors lost;
    struct Report {
        LostErrors& lost;
        ~Report() { lost.report(); }  // after the runner has closed the loop
    } report{lost};
    coir::Runner runner(std::move(run_options));
    lost.attach(runner.loop());
    if constexpr (std::is_void_v<std::invoke_result_t<std::decay_t<F>>>) {
        runner.run(std::forward<F>(f));
        runner.close();
    } else {
        auto result = runner.run(std::forward<F>(f));
        runner.close();
        return result;
    }
}

}  // namespace detail

/// Runs `f()` as the main task on the reactor under test and returns its result. What f throws, a
/// failed REQUIRE included, is thrown here. An error that nobody awaits fails the test too, unless
/// f installs an exception handler of its own.
template <class F>
auto run_in_loop(F&& f, coir::RunOptions run_options = options()) {
    return detail::run(std::forward<F>(f), std::move(run_options));
}

/// The same on the simulator: sleeping costs nothing, and nothing depends on the machine's speed.
template <class F>
auto run_on_sim(F&& f, std::optional<std::uint64_t> seed = std::nullopt) {
    return detail::run(std::forward<F>(f), sim_options(seed));
}

/// Takes coir's log lines for as long as it lives. Any thread may log; one of these at a time.
class LogCapture {
public:
    LogCapture();
    LogCapture(const LogCapture&) = delete;
    LogCapture& operator=(const LogCapture&) = delete;
    ~LogCapture();

    struct Line {
        coir::LogLevel level;
        std::string text;
    };
    std::vector<Line> lines() const;
    /// How many lines contain `text`; all for an empty one.
    std::size_t count(std::string_view text = {}) const;
    /// How many lines are of this level or worse.
    std::size_t count_from(coir::LogLevel level) const;
    bool contains(std::string_view text) const { return count(text) > 0; }
    /// Everything, for INFO().
    std::string text() const;
    void clear();

private:
    mutable std::mutex mutex_;
    std::vector<Line> lines_;
};

/// Compares the open descriptors of the process at its construction and at its end; a difference
/// fails the test. Make it outside the loop that is tested.
class FdCount {
public:
    FdCount();
    FdCount(const FdCount&) = delete;
    FdCount& operator=(const FdCount&) = delete;
    ~FdCount();

    /// How many are open now.
    static std::size_t open_now();
    /// What has been opened since and is still open ("7 -> socket:[123]").
    std::vector<std::string> leaked() const;

private:
    std::vector<std::pair<int, std::string>> before_;
    int exceptions_;
};

/// A factor for bounds on real clocks: 1, and more under sanitizers.
int time_factor();

}  // namespace coir_test
