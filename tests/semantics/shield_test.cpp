// SPDX-License-Identifier: BSL-1.0
// shield: semantics.md §2.13, decisions D5, D37.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <malloc.h>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

namespace {

/// Replaces the handler that fails the test for every error that nobody awaited.
void collect_reports(std::vector<std::string>& reports) {
    coir::get_running_loop().set_exception_handler(
        [&reports](const coir::ExceptionContext& context) { reports.push_back(context.message); });
}

}  // namespace

TEST_CASE("rule 164: value, error and cancellation of the job pass through a shield") {
    on_every_order([] {
        CHECK(coir::await(coir::shield([] {
                  coir::sleep(1s);
                  return 5;
              })) == 5);
        coir::await(coir::shield([] { coir::sleep(1s); }));
        CHECK_THROWS_AS(coir::await(coir::shield([] { throw std::range_error("x"); })),
                        std::range_error);
        auto job = coir::create_task([] { coir::sleep(1h); });
        auto shielded = coir::shield(job);
        coir::sleep(1s);
        job.cancel("why");
        try {
            coir::await(shielded);
            FAIL("not thrown");
        } catch (const coir::TaskCancelledError& error) {
            CHECK(error.message() == "why");
        }
        CHECK(shielded.cancelled());
        CHECK(coir::current_task().cancelling() == 0);
        auto future = coir::create_future<int>();
        auto shielded_future = coir::shield(future);
        future.cancel();
        CHECK_THROWS_AS(coir::await(shielded_future), coir::TaskCancelledError);
    });
}

TEST_CASE("rule 164, D12: shields of move-only and of reference results") {
    run_on_sim([] {
        CHECK(*coir::await(coir::shield([] { return std::make_unique<int>(3); })) == 3);
        int target = 0;
        coir::await(coir::shield([&target]() -> int& { return target; })) = 9;
        CHECK(target == 9);
        auto job = coir::create_task([] { return std::make_unique<int>(4); });
        CHECK(*coir::await(coir::shield(job)) == 4);
        CHECK_THROWS_AS(coir::await(coir::shield(job)), coir::InvalidStateError);  // moved out
        auto later = coir::shield(job);
        CHECK_THROWS_AS(coir::await(std::move(later)), coir::InvalidStateError);
    });
}

TEST_CASE("rule 164: a value that cannot be copied into the shield is the shield's error") {
    run_on_sim([] {
        struct Fragile {
            Fragile() = default;
            Fragile(Fragile&&) = default;
            Fragile(const Fragile&) { throw std::domain_error("no copy"); }
        };
        auto job = coir::create_task([] {
            coir::sleep(1s);
            return Fragile();
        });
        CHECK_THROWS_AS(coir::await(coir::shield(job)), std::domain_error);
    });
}

TEST_CASE("rule 165: cancelling who awaits a shield leaves the job running") {
    on_every_order([] {
        auto job = coir::create_task([] {
            coir::sleep(10s);
            return 7;
        });
        auto outer = coir::shield(job);
        auto waiter = coir::create_task([&] { coir::await(outer); });
        coir::sleep(1s);
        waiter.cancel("tired");
        try {
            coir::await(waiter);
            FAIL("not thrown");
        } catch (const coir::TaskCancelledError& error) {
            CHECK(error.message() == "tired");
        }
        CHECK(waiter.cancelled());
        CHECK(outer.cancelled());
        CHECK_FALSE(job.done());
        CHECK(job.cancelling() == 0);
        CHECK(coir::await(job) == 7);
    });
}

TEST_CASE("rule 165: cancelling the shield's future leaves the job running") {
    on_every_order([] {
        auto job = coir::create_future<int>();
        auto outer = coir::shield(job);
        CHECK(outer.cancel());
        CHECK(outer.cancelled());
        CHECK_FALSE(job.done());
        job.set_result(1);  // before the callback is gone, too: it finds a done future
        coir::sleep(1s);
        CHECK(coir::await(job) == 1);
        CHECK_THROWS_AS(coir::await(outer), coir::TaskCancelledError);
    });
}

TEST_CASE("rule 166: the shield of a done job is done") {
    run_on_sim([] {
        auto value = coir::create_future<int>();
        value.set_result(5);
        CHECK(coir::shield(value).done());
        CHECK(coir::shield(value).result() == 5);
        auto failed = coir::create_task([] { throw std::range_error("x"); });
        coir::yield_now();
        CHECK_THROWS_AS(coir::shield(failed).result(), std::range_error);
        auto cancelled = coir::create_future<void>();
        cancelled.cancel();
        CHECK(coir::shield(cancelled).cancelled());
    });
}

TEST_CASE("rule 167: a shielded gather goes on when its caller is cancelled") {
    on_every_order([] {
        int done = 0;
        auto waiter = coir::create_task([&] {
            coir::await(coir::shield([&] {
                coir::gather(
                    [&] {
                        coir::sleep(3s);
                        ++done;
                    },
                    [&] {
                        coir::sleep(4s);
                        ++done;
                    });
            }));
        });
        coir::sleep(1s);
        waiter.cancel();
        CHECK_THROWS_AS(coir::await(waiter), coir::TaskCancelledError);
        CHECK(done == 0);
        coir::sleep(5s);
        CHECK(done == 2);
    });
}

TEST_CASE("rule 168, D37: a job that fails after its shield was cancelled is reported once") {
    std::vector<std::string> reports;
    on_every_order([&reports] {
        reports.clear();
        collect_reports(reports);
        auto outer = coir::shield([] {
            coir::sleep(1s);
            throw std::range_error("nobody reads this");
        });
        coir::yield_now();
        outer.cancel();
        coir::sleep(2s);
        CHECK(reports.size() == 1);
        outer = {};
        coir::sleep(1s);
        CHECK(reports.size() == 1);
    });
    run_on_sim([&reports] {
        reports.clear();
        collect_reports(reports);
        {
            auto unread = coir::shield([] { throw std::range_error("nor this"); });
            coir::sleep(1s);
        }
        coir::sleep(1s);
        CHECK(reports.size() == 1);  // not once for the job and once for the shield
    });
}

TEST_CASE("rule 168: a job that is awaited after its shield was cancelled is not reported") {
    on_every_order([] {  // run_on_sim fails the test for every report
        auto job = coir::create_task([] {
            coir::sleep(1s);
            throw std::range_error("read later");
        });
        auto outer = coir::shield(job);
        coir::yield_now();
        outer.cancel();
        coir::sleep(2s);
        CHECK_THROWS_AS(coir::await(job), std::range_error);
    });
}

TEST_CASE("rule 169: cancelled shields leave nothing behind on a long job") {
    if (mallinfo2().uordblks == 0) COIR_SKIP("this allocator does not count (a sanitizer's)");
    run_on_sim([] {
        auto job = coir::create_future<int>();
        auto burn = [&](int count) {
            for (int i = 0; i < count; ++i) {
                CHECK_THROWS_AS(coir::wait_for(coir::shield(job), 1s), coir::TimeoutError);
            }
        };
        burn(50);  // warms the pools up
        const auto before = mallinfo2().uordblks;
        burn(2000);
        const auto after = mallinfo2().uordblks;
        // One callback alone would have 64 bytes.
        CHECK(after < before + 2000 * 16);
        job.set_result(1);
        CHECK(coir::await(job) == 1);
    });
}

TEST_CASE("rule 169: a shield does not keep an abandoned future alive") {
    run_on_sim([] {
        auto token = std::make_shared<int>(1);
        {
            auto job = coir::create_future<int>();
            job.add_done_callback([token] {});
            auto outer = coir::shield(job);
            CHECK(token.use_count() == 2);
        }
        coir::sleep(1s);
        CHECK(token.use_count() == 1);
    });
}

TEST_CASE("rule 147, 165: shield is refused outside a loop and for a job of another") {
    CHECK_THROWS_AS(coir::shield([] {}), std::logic_error);
    run_on_sim([] {
        coir::EventLoop other(coir_test::sim_options());
        CHECK_THROWS_AS(coir::shield(other.create_future<int>()), coir::WrongThreadError);
    });
}
