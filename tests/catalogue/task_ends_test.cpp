// SPDX-License-Identifier: BSL-1.0
// How tasks end, and what ends with them.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

using coir_test::run_on_sim;
using namespace std::chrono_literals;

namespace {

/// Cannot be copied: the copy constructor throws.
struct Untouchable {
    Untouchable() = default;
    Untouchable(const Untouchable&) { throw std::runtime_error("copied"); }
};

[[gnu::noinline]] int recurse(int depth) {
    volatile char frame[64];
    frame[0] = static_cast<char>(depth);
    return depth == 0 ? frame[0] : recurse(depth - 1) + frame[0];
}

/// A task that holds the handle of the one before it, and so on to the first.
struct Link {
    std::unique_ptr<coir::Task<int>> before;
};

}  // namespace

TEST_CASE("B04: whatever a task throws is in its future") {
    run_on_sim([] {
        auto number = coir::create_task([] { throw 7; });
        auto error = coir::create_task([] { throw std::out_of_range("far"); });
        auto untouchable = coir::create_task([] { throw Untouchable(); });
        coir::sleep(1ms);
        CHECK_THROWS_AS(coir::await(number), int);
        CHECK_THROWS_AS(coir::await(error), std::out_of_range);
        bool seen = false;
        try {
            coir::await(untouchable);
        } catch (const Untouchable&) {
            seen = true;
        }
        CHECK(seen);
    });
}

TEST_CASE("B10: a task that drops the last handle to itself goes on running") {
    static constexpr int rounds = 20'000;
    run_on_sim([] {
        int ended = 0;
        for (int i = 0; i < rounds; ++i) {
            auto own = std::make_shared<coir::Task<void>>();
            *own = coir::create_task([own, &ended]() mutable {
                *own = {};
                own.reset();
                static_cast<void>(recurse(100));
                coir::yield_now();
                static_cast<void>(recurse(100));
                ++ended;
            });
            own.reset();
            coir::yield_now();
            coir::yield_now();
        }
        coir::sleep(1ms);
        CHECK(ended == rounds);
    });
}

TEST_CASE("B11: a long chain of tasks that hold each other ends on a small stack") {
    // The first end lets the second go on, and so forth: neither may nest.
    static constexpr int length = COIR_ASAN || COIR_TSAN ? 3'000 : 20'000;
    coir::RunOptions options = coir_test::sim_options();
    options.stack_size = 16 * 1024;
    coir::Runner runner(options);
    const int last = runner.run([] {
        coir::Promise<int> start;
        auto tail = std::make_unique<coir::Task<int>>(
            coir::create_task([first = start.get_future()]() mutable { return coir::await(first); }));
        for (int i = 1; i < length; ++i) {
            Link link{std::move(tail)};
            tail = std::make_unique<coir::Task<int>>(coir::create_task(
                [link = std::move(link)]() mutable { return coir::await(*link.before) + 1; }));
        }
        coir::sleep(1ms);  // all wait
        start.set_value(0);
        return coir::await(*tail);
    });
    CHECK(last == length - 1);
}

TEST_CASE("B11: a long chain of waiting tasks is cancelled and dropped on a small stack") {
    static constexpr int length = COIR_ASAN || COIR_TSAN ? 3'000 : 20'000;
    coir::RunOptions options = coir_test::sim_options();
    options.stack_size = 16 * 1024;
    coir::Runner runner(options);
    int unwound = 0;
    runner.run([&unwound] {
        coir::Promise<int> never;
        auto tail = std::make_unique<coir::Task<int>>(
            coir::create_task([first = never.get_future()]() mutable { return coir::await(first); }));
        for (int i = 1; i < length; ++i) {
            Link link{std::move(tail)};
            tail = std::make_unique<coir::Task<int>>(
                coir::create_task([&unwound, link = std::move(link)]() mutable {
                    try {
                        return coir::await(*link.before) + 1;
                    } catch (const coir::CancelledError&) {
                        ++unwound;
                        throw;
                    }
                }));
        }
        coir::sleep(1ms);
        tail->cancel();
        CHECK_THROWS_AS(coir::await(*tail), coir::TaskCancelledError);
        tail.reset();
    });
    CHECK(unwound == length - 1);
}
