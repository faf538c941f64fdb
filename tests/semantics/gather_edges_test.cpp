// SPDX-License-Identifier: BSL-1.0
// gather where it starts, fails and unwinds: decisions D2, D15, bug class B32.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/thread.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_in_loop;
using coir_test::run_on_sim;

TEST_CASE("D15: jobs that were started do not outlive a gather that cannot start the next one") {
    run_on_sim([] {
        struct Unwilling {
            bool fail;
            explicit Unwilling(bool f) : fail(f) {}
            Unwilling(const Unwilling& other) : fail(other.fail) {
                if (fail) throw std::domain_error("no copy");
            }
            int operator()() const { return 1; }
        };
        auto token = std::make_shared<int>(1);
        bool entered = false;
        const Unwilling unwilling(true);
        auto job = [&entered, token] { entered = true; };
        CHECK_THROWS_AS(coir::gather(job, unwilling), std::domain_error);
        CHECK(token.use_count() == 2);
        CHECK(coir::all_tasks().size() == 1);
        std::vector<Unwilling> some(2, Unwilling(false));
        some[1].fail = true;
        CHECK_THROWS_AS(coir::gather(some), std::domain_error);
        CHECK(coir::all_tasks().size() == 1);
        CHECK_FALSE(entered);
    });
}

TEST_CASE("rule 58, D15: a task that gathers itself is told so, and its other jobs are ended") {
    on_every_order([] {
        coir::Task<void> self;
        bool entered = false;
        self = coir::create_task([&] {
            CHECK_THROWS_AS(coir::gather([&] { entered = true; }, self), coir::InvalidStateError);
            CHECK(coir::all_tasks().size() == 2);
        });
        coir::await(self);
        CHECK_FALSE(entered);
    });
}

TEST_CASE("D2: gather in a destructor that runs while a cancellation unwinds") {
    on_every_order([] {
        int done = 0;
        struct Goodbye {
            int& done;
            ~Goodbye() {
                coir::gather(
                    [this] {
                        coir::sleep(1s);
                        ++done;
                    },
                    [this] {
                        coir::sleep(2s);
                        ++done;
                    });
            }
        };
        auto task = coir::create_task([&] {
            Goodbye goodbye{done};
            coir::sleep(1h);
        });
        coir::sleep(1s);
        task.cancel();
        coir::sleep(500ms);
        task.cancel("again");
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(done == 2);
    });
}

TEST_CASE("rule 110, B32: a failure that ends the other jobs on the spot wakes the caller once") {
    on_every_order([] {
        auto a = coir::create_future<int>();
        auto b = coir::create_future<int>();
        auto c = coir::create_future<int>();
        auto caller = coir::create_task([&] {
            CHECK_THROWS_AS(coir::gather(a, b, c), std::range_error);
            coir::sleep(1s);
            return 1;
        });
        coir::sleep(1s);
        b.set_exception(std::range_error("x"));
        CHECK(a.cancelled());
        CHECK(c.cancelled());
        CHECK(coir::await(caller) == 1);
    });
}

TEST_CASE("rule 110: the reason of a cancellation outlives what the first jobs make of it") {
    run_in_loop([] {
        std::string seen;
        std::atomic<bool> entered{false};
        coir::Task<void> caller;
        caller = coir::create_task([&] {
            coir::gather(
                [&] {
                    coir::to_thread([&](std::stop_token stop) {
                        // Called on the loop, in the middle of the cancellation of the jobs.
                        std::stop_callback again(
                            stop, [&] { caller.cancel("another reason, too long for the string"); });
                        entered = true;
                        while (!stop.stop_requested()) std::this_thread::sleep_for(100us);
                    });
                },
                [&] {
                    try {
                        coir::sleep(1h);
                    } catch (const coir::CancelledError& cancelled) {
                        seen = cancelled.message();
                        throw;
                    }
                });
        });
        while (!entered) coir::sleep(100us);
        caller.cancel(std::string(200, 'r'));
        CHECK_THROWS_AS(coir::await(caller), coir::TaskCancelledError);
        CHECK(seen == std::string(200, 'r'));
    });
}
