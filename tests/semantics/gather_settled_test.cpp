// SPDX-License-Identifier: BSL-1.0
// gather_settled and Outcome: semantics.md §2.8 with return_exceptions, decisions D5, D15.
#include "reports.hpp"
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

namespace {

int fail_after(std::chrono::seconds delay) {
    coir::sleep(delay);
    throw std::range_error("job");
}

std::string error_text(const std::exception_ptr& error) {
    if (!error) return "none";
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();
    }
}

}  // namespace

TEST_CASE("rule 108: gather_settled waits for all; errors and cancellations are in their places") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        auto victim = coir::create_task([] {
            coir::sleep(1h);
            return std::string();
        });
        loop.call_later(1s, [=] { victim.cancel("by hand"); });
        auto [value, error, cancelled, nothing] = coir::gather_settled(
            [] {
                coir::sleep(5s);
                return 'a';
            },
            [] { return fail_after(2s); }, victim, [] {});
        CHECK(loop.time() - start == 5s);
        CHECK(value.has_value());
        CHECK(static_cast<bool>(value));
        CHECK(value.value() == 'a');
        CHECK(value.exception() == nullptr);
        CHECK_FALSE(value.cancelled());

        CHECK_FALSE(error.has_value());
        CHECK_FALSE(error.cancelled());
        CHECK(error_text(error.exception()) == "job");
        CHECK_THROWS_AS(error.value(), std::range_error);

        CHECK(cancelled.cancelled());
        CHECK_FALSE(cancelled.has_value());
        CHECK_THROWS_AS(cancelled.value(), coir::TaskCancelledError);
        CHECK(error_text(cancelled.exception()).find("by hand") != std::string::npos);

        static_assert(std::is_same_v<decltype(nothing), coir::Outcome<void>>);
        CHECK(nothing.has_value());
        CHECK(nothing.value() == std::monostate());
        CHECK(coir::current_task().cancelling() == 0);
    });
}

TEST_CASE("rule 108: a range of jobs gives a vector of outcomes; nothing gives nothing") {
    on_every_order([] {
        std::vector<std::function<int()>> jobs;
        for (int i = 0; i < 6; ++i) {
            jobs.emplace_back([i] { return i % 2 ? fail_after((6 - i) * 1s) : i; });
        }
        std::vector<coir::Outcome<int>> outcomes = coir::gather_settled(jobs);
        REQUIRE(outcomes.size() == 6);
        for (std::size_t i = 0; i < 6; ++i) CHECK(outcomes[i].has_value() == (i % 2 == 0));
        CHECK(outcomes[4].value() == 4);
        CHECK(coir::gather_settled(std::vector<coir::Task<int>>()).empty());
        CHECK(coir::gather_settled() == std::tuple<>());
    });
}

TEST_CASE("rule 108, D12: outcomes of move-only and reference results, and of values that are gone") {
    on_every_order([] {
        int shared = 1;
        auto pointer = coir::create_task([] { return std::make_unique<int>(7); });
        auto [moved, reference, gone] =
            coir::gather_settled(pointer, [&]() -> int& { return shared; }, pointer);
        CHECK(*moved.value() == 7);
        std::unique_ptr<int> taken = std::move(moved).value();
        CHECK(*taken == 7);
        static_assert(std::is_same_v<decltype(reference.value()), int&>);
        CHECK(&reference.value() == &shared);
        CHECK_THROWS_AS(gone.value(), coir::InvalidStateError);
        CHECK_FALSE(gone.cancelled());

        const auto [copied] = coir::gather_settled([] { return std::string("x"); });
        auto copy = copied;
        copy.value() += 'y';
        CHECK(copied.value() == "x");
        CHECK(copy.value() == "xy");
    });
}

TEST_CASE("rule 107, 108: an error that is in an outcome has been seen; nobody reports it") {
    on_every_order([] {  // run_on_sim fails the test for every error reported
        auto task = coir::create_task([] { return fail_after(1s); });
        coir::gather_settled(task, [] { return fail_after(2s); });
    });
}

TEST_CASE("rule 111, 110: cancelling its caller cancels all jobs, and CancelledError is thrown") {
    on_every_order([] {
        int swallowed = 0;
        auto stubborn = [&] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError& error) {
                CHECK(error.message() == "enough");
                coir::sleep(1s);
                ++swallowed;
            }
        };
        auto handle = coir::create_task([] { coir::sleep(1h); });
        bool returned = false;
        auto caller = coir::create_task([&] {
            coir::gather_settled(stubborn, handle, stubborn);
            returned = true;
        });
        coir::sleep(1s);
        caller.cancel("enough");
        CHECK_THROWS_AS(coir::await(caller), coir::TaskCancelledError);
        CHECK(caller.cancelled());
        CHECK(swallowed == 2);
        CHECK(handle.cancelled());
        CHECK(handle.cancelling() == 1);
        CHECK_FALSE(returned);
    });
}

TEST_CASE("rule 111, D37: errors of the jobs of a cancelled gather_settled are reported once") {
    coir_test::Reports reports;
    coir::Runner runner(coir_test::sim_options());
    reports.attach(runner.loop());
    runner.run([] {
        auto fails = [] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                throw std::range_error("while stopping");
            }
        };
        auto caller = coir::create_task([&] { coir::gather_settled(fails, fails); });
        coir::sleep(1s);
        caller.cancel();
        CHECK_THROWS_AS(coir::await(caller), coir::TaskCancelledError);
    });
    REQUIRE(reports.all.size() == 2);
    CHECK(reports.all[0].error == "while stopping");
}

TEST_CASE("rule 112, D3: cancelled when all have ended, gather_settled gives the outcomes") {
    on_every_order([] {
        auto future = coir::create_future<int>();
        std::size_t got = 0;
        auto caller = coir::create_task([&] {
            got = coir::gather_settled(std::vector{future}).size();
            CHECK_THROWS_AS(coir::yield_now(), coir::CancelledError);
            coir::current_task().cancel();
            CHECK_THROWS_AS(coir::gather_settled(future), coir::CancelledError);
        });
        coir::sleep(1s);
        future.set_exception(std::range_error("x"));
        caller.cancel();
        coir::await(caller);
        CHECK(got == 1);
    });
}

TEST_CASE("rule 114: gather_settled refuses jobs of another loop, and itself") {
    run_on_sim([] {
        coir::EventLoop other(coir_test::sim_options());
        bool ran = false;
        CHECK_THROWS_AS(coir::gather_settled([&] { ran = true; }, other.create_future<int>()),
                        coir::WrongThreadError);
        coir::Task<void> self;
        self = coir::create_task(
            [&] { CHECK_THROWS_AS(coir::gather_settled(self), coir::InvalidStateError); });
        coir::await(self);
        CHECK_FALSE(ran);
    });
    CHECK_THROWS_AS(coir::gather_settled([] {}), std::logic_error);
}

#if !defined(__clang__) || __clang_major__ >= 16  // older ones cannot compile libstdc++'s views
TEST_CASE("rule 103: a view that makes its jobs on the way makes each once") {
    on_every_order([] {
        int made = 0;
        auto numbers = std::vector{1, 2, 3};
        auto tasks = numbers | std::views::transform([&](int n) {
                         ++made;
                         return coir::create_task([n] { return n; });
                     });
        CHECK(coir::gather(tasks) == std::vector{1, 2, 3});
        CHECK(made == 3);
    });
}
#endif
