// SPDX-License-Identifier: BSL-1.0
// Debug mode and lost errors: rules 31, 33, decisions D4, D7, D37.
#include "reports.hpp"
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/run.hpp>
#include <coir/task_group.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir_test::LogCapture;
using coir_test::Reports;
using coir_test::sim_options;
using coir_test::Variable;

namespace {

coir::RunOptions debug_options() {
    coir::RunOptions options = sim_options();
    options.debug = true;
    return options;
}

coir::TaskOptions named(std::string name) {
    coir::TaskOptions options;
    options.name = std::move(name);
    return options;
}

/// Frames as they are shown: one line each, with an address and where that is.
bool shows_frames(const std::string& text) {
    return text.find("0x") != std::string::npos &&
           text.find("semantics-tests") != std::string::npos &&
           text.find("\n  called from 0x") != std::string::npos;
}

}  // namespace

TEST_CASE("rule 33: in debug mode tasks, futures and callbacks remember where they were created") {
    for (const bool debug : {true, false}) {
        Reports reports;
        coir::Runner runner(debug ? debug_options() : sim_options());
        reports.attach(runner.loop());
        runner.run([] {
            auto& loop = coir::get_running_loop();
            coir::spawn_detached([] { throw std::runtime_error("task"); });
            coir::create_future<int>().set_exception(std::runtime_error("future"));
            loop.call_soon([] { throw std::runtime_error("soon"); });
            loop.call_later(1ms, [] { throw std::runtime_error("later"); });
            coir::sleep(2ms);
        });
        REQUIRE(reports.all.size() == 4);
        for (const auto& report : reports.all) {
            INFO(report.message << " " << report.error << " " << report.created_at);
            CHECK(report.created_at.empty() != debug);
            CHECK(shows_frames(report.created_at) == debug);
            // coir's own way there is left out.
            if (debug) CHECK(report.created_at.find("libcoir.so") > report.created_at.find("semantics-tests"));
        }
    }
}

TEST_CASE("rule 33: the default handler prints the creation stack, and set_debug turns it on") {
    LogCapture log;
    coir::Runner runner(sim_options());
    runner.loop().set_debug(true);
    runner.run([] {
        coir::spawn_detached(named("noisy"), [] { throw std::runtime_error("lost"); });
        coir::sleep(1ms);
    });
    runner.close();
    INFO(log.text());
    REQUIRE(log.count("exception in task 'noisy' was never retrieved: lost; it was created at 0x") == 1);
    CHECK(shows_frames(log.text()));
}

TEST_CASE("rule 31, 33: what is said of a slow step says where its task was created") {
    LogCapture log;
    coir::RunOptions options = coir_test::options();
    options.reactor = "epoll";  // a real clock
    options.slow_task_threshold = 5ms;
    options.debug = true;
    coir::run(
        [] {
            auto slow = coir::create_task(named("slow"), [] {
                const auto end = std::chrono::steady_clock::now() + 10ms;
                while (std::chrono::steady_clock::now() < end) {
                }
            });
            coir::await(slow);
        },
        options);
    INFO(log.text());
    CHECK(log.count("a step of task 'slow' took ") == 1);
    // On a loaded machine the main task may have been slow as well.
    CHECK(log.count(" ms; it was created at 0x") == log.count("a step of task "));
}

TEST_CASE("debug mode: a task that nobody awaits is named") {
    for (const bool debug : {true, false}) {
        LogCapture log;
        coir::RunOptions options = debug ? debug_options() : sim_options();
        coir::run(
            [] {
                { auto dropped = coir::create_task(named("dropped"), [] { return 1; }); }
                { auto early = coir::create_task(named("early"), [] { coir::sleep(1ms); }); }
                coir::TaskOptions eager = named("eager");
                eager.eager_start = true;
                { auto at_once = coir::create_task(eager, [] {}); }
                // All of these are somebody's business.
                coir::spawn_detached(named("fine"), [] {});
                auto awaited = coir::create_task(named("fine"), [] {});
                auto read = coir::create_task(named("fine"), [] { return 1; });
                auto called_back = coir::create_task(named("fine"), [] {});
                called_back.add_done_callback([] {});
                auto cancelled = coir::create_task(named("fine"), [] { coir::sleep(1h); });
                auto failed = coir::create_task(named("fine"), [] { throw std::runtime_error("f"); });
                auto gathered = coir::create_task(named("fine"), [] {});
                auto shielded = coir::create_task(named("fine"), [] {});
                coir::with_task_group([](coir::TaskGroup& group) {
                    group.create_task(named("fine"), [] { return 1; });
                });
                coir::gather(gathered, [] {});
                coir::await(coir::shield(shielded));
                coir::await(awaited);
                coir::sleep(2ms);
                CHECK(read.result() == 1);
                CHECK(failed.exception());
                cancelled.cancel();
                coir::sleep(1ms);
            },
            options);
        INFO(log.text());
        CHECK(log.count("was never awaited") == (debug ? 3 : 0));
        for (const char* name : {"dropped", "early", "eager"}) {
            const std::string line = std::string("task '") + name + "' was never awaited";
            CHECK(log.count(line) == (debug ? 1 : 0));
        }
        CHECK(log.count("'fine'") == 0);
        CHECK(shows_frames(log.text()) == debug);
    }
}

TEST_CASE("D4: what is said of a swallowed cancellation says where its task was created") {
    LogCapture log;
    coir::run(
        [] {
            auto task = coir::create_task(named("deaf"), [] {
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError&) {
                }
            });
            coir::sleep(1ms);
            task.cancel();
            coir::await(task);
        },
        debug_options());
    CHECK(log.count("task 'deaf' caught its cancellation and went on") == 1);
    CHECK(shows_frames(log.text()));
}

TEST_CASE("D37: of very many lost errors the first ten are shown, and the rest counted at close") {
    LogCapture log;
    {
        coir::Runner runner(sim_options());
        runner.run([] {
            for (int i = 0; i < 35; ++i) {
                coir::spawn_detached([] { throw std::runtime_error("lost"); });
            }
            coir::sleep(1ms);
        });
        CHECK(log.count("was never retrieved") == 10);
    }
    INFO(log.text());
    CHECK(log.count("25 more errors were never retrieved") == 1);
    CHECK(log.count("COIR_DEBUG=1") == 1);
    // Whoever has a handler is told of all of them.
    log.clear();
    Reports reports;
    {
        coir::Runner runner(sim_options());
        reports.attach(runner.loop());
        runner.run([] {
            for (int i = 0; i < 35; ++i) {
                coir::spawn_detached([] { throw std::runtime_error("lost"); });
            }
            coir::sleep(1ms);
        });
    }
    CHECK(reports.all.size() == 35);
    CHECK(log.count_from(coir::LogLevel::warning) == 0);
}

TEST_CASE("D37: a detached task's failure is reported when it ends, also if its handle is kept") {
    Reports reports;
    coir::Runner runner(sim_options());
    reports.attach(runner.loop());
    runner.run([&] {
        const auto kept = coir::spawn_detached([] { throw std::runtime_error("lost"); });
        coir::sleep(1ms);
        CHECK(reports.all.size() == 1);
        CHECK(kept.done());
    });
    CHECK(reports.all.size() == 1);
}

TEST_CASE("D37: COIR_DETACHED_FAILURE=abort_run ends run() with a detached task's error") {
    const auto run_main = [](auto after) {
        Reports reports;
        coir::Runner runner(sim_options());
        reports.attach(runner.loop());
        runner.run([&] {
            coir::spawn_detached([] { throw std::range_error("detached"); });
            after();
        });
    };
    {
        Variable variable("COIR_DETACHED_FAILURE", "abort_run");
        CHECK_THROWS_AS(run_main([] { coir::sleep(1h); }), std::range_error);
        // A main task that ends in another way has the last word.
        CHECK_THROWS_AS(run_main([] {
                            try {
                                coir::sleep(1h);
                            } catch (const coir::CancelledError&) {
                                throw std::overflow_error("main");
                            }
                        }),
                        std::overflow_error);
        CHECK_NOTHROW(run_main([] {}));
    }
    {
        Variable variable("COIR_DETACHED_FAILURE", "log");
        CHECK_NOTHROW(run_main([] { coir::sleep(1ms); }));
    }
    {
        LogCapture log;
        Variable variable("COIR_DETACHED_FAILURE", "explode");
        CHECK_NOTHROW(run_main([] { coir::sleep(1ms); }));
        CHECK(log.count("COIR_DETACHED_FAILURE='explode': ignored; allowed is log or abort_run") == 1);
    }
}

TEST_CASE("D7: in debug mode std::terminate says in which task it was called") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        std::signal(SIGABRT, SIG_DFL);
        coir::set_log_handler(nullptr);
        coir::run(
            [] {
                auto task = coir::create_task(named("doomed"), []() noexcept { coir::sleep(1h); });
                coir::sleep(1ms);
                task.cancel("stop it");
                coir::await(task);
            },
            debug_options());
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string said;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
        said.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    INFO(said);
    CHECK(WIFSIGNALED(status));
    CHECK(said.find("std::terminate in task 'doomed'") != std::string::npos);
    CHECK(said.find("for its cancellation ('stop it')") != std::string::npos);
    CHECK(said.find("noexcept") != std::string::npos);
}

TEST_CASE("rule 162, D6: a TimeoutError says how long the limit was") {
    coir_test::run_on_sim([] {
        const auto message = [](auto f) -> std::string {
            try {
                f();
            } catch (const coir::TimeoutError& error) {
                return error.what();
            }
            return "nothing";
        };
        CHECK(message([] { coir::with_timeout(250ms, [] { coir::sleep(1h); }); }) ==
              "coir: timed out after 250 ms");
        CHECK(message([] { coir::with_timeout(90s, [] { coir::sleep(1h); }); }) ==
              "coir: timed out after 90 s");
        CHECK(message([] { coir::wait_for([] { coir::sleep(1h); }, 1500us); }) ==
              "coir: timed out after 1 ms");
        CHECK(message([] {
                  coir::with_timeout(1s, [](coir::Timeout& timeout) {
                      timeout.reschedule(*timeout.when() + 11500ms);
                      coir::sleep(1h);
                  });
              }) == "coir: timed out after 12.5 s");
        auto task = coir::create_task([] { coir::sleep(1h); });
        CHECK(message([&] { coir::wait_for(task, 0s); }) == "coir: timed out: there was no time left");
    });
}
