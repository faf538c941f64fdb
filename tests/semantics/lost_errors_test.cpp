// SPDX-License-Identifier: BSL-1.0
// Errors that nobody looked at: rules 33, 44, 45, 59, 60, decision D37, bug class B47.
#include "reports.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/event_loop.hpp>
#include <coir/run.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using coir_test::Reports;
using coir_test::sim_options;

TEST_CASE("rule 44, 59, D37, B47: every lost error is reported once, with its text") {
    Reports reports;
    {
        coir::Runner runner(sim_options());
        reports.attach(runner.loop());
        runner.run([&] {
            auto& loop = coir::get_running_loop();
            auto fail = [](const char* what) { throw std::runtime_error(what); };
            coir::TaskOptions detached, early, late;
            detached.name = "detached";
            early.name = "early";
            late.name = "late";
            // 1: nobody ever had a handle.
            coir::spawn_detached(detached, fail, "one");
            // 2: the handle goes before the task fails; 3: after it.
            { auto dropped = coir::create_task(early, fail, "two"); }
            auto kept = coir::create_task(late, fail, "three");
            coir::sleep(1s);
            CHECK(reports.all.size() == 2);
            kept = {};
            // 4: a future; 5: a callback; 6: a done callback.
            coir::create_future<int>().set_exception(std::runtime_error("four"));
            loop.call_soon([fail] { fail("five"); });
            auto future = coir::create_future<void>();
            future.add_done_callback([fail] { fail("six"); });
            future.set_result();
            coir::sleep(1s);
        });
    }
    REQUIRE(reports.all.size() == 6);
    const Reports::Report expected[] = {
        {"exception in task 'detached' was never retrieved", "one"},
        {"exception in task 'early' was never retrieved", "two"},
        {"exception in task 'late' was never retrieved", "three"},
        {"exception of a future was never retrieved", "four"},
        {"exception in a callback", "five"},
        {"exception in a done callback", "six"},
    };
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(reports.all[i].message == expected[i].message);
        CHECK(reports.all[i].error == expected[i].error);
    }
}

TEST_CASE("rule 45, 60: no report for what was read, awaited, cancelled afterwards, or no error") {
    Reports reports;
    {
        coir::Runner runner(sim_options());
        reports.attach(runner.loop());
        runner.run([&] {
            auto failed = [] {
                auto future = coir::create_future<int>();
                future.set_exception(std::runtime_error("x"));
                return future;
            };
            CHECK_THROWS_WITH(failed().result(), "x");
            CHECK(failed().exception() != nullptr);
            CHECK_FALSE(failed().cancel());
            CHECK_THROWS_WITH(coir::await(failed()), "x");
            std::error_code error;
            CHECK_FALSE(coir::await(failed(), error).has_value());

            auto task = coir::create_task([] { throw std::runtime_error("y"); });
            coir::sleep(1s);
            CHECK_FALSE(task.cancel());
            task = {};

            coir::create_future<int>().set_result(3);
            coir::create_future<int>().cancel();
            static_cast<void>(coir::create_future<int>());
            { auto cancelled = coir::create_task([] { coir::sleep(1h); }); cancelled.cancel(); }
            coir::sleep(1s);
        });
    }
    CHECK(reports.all.empty());
}

TEST_CASE("rule 33: in debug mode the report of a lost error says where its task was created") {
    for (const bool debug : {false, true}) {
        Reports reports;
        coir::RunOptions options = sim_options();
        options.debug = debug;
        {
            coir::Runner runner(options);
            reports.attach(runner.loop());
            runner.run([] {
                coir::spawn_detached([] { throw std::runtime_error("lost"); });
                coir::yield_now();
            });
        }
        REQUIRE(reports.all.size() == 1);
        CHECK(reports.all[0].error == "lost");
        const std::string& message = reports.all[0].message;
        INFO(message);
        CHECK(reports.all[0].created_at.empty() != debug);
        CHECK((reports.all[0].created_at.find("semantics-tests") != std::string::npos) == debug);
    }
}
