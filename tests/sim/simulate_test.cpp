// SPDX-License-Identifier: BSL-1.0
// simulate(): the same seed does the same, choices can be replayed, what is not simulated is refused.
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/environment.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>
#include <coir/testing.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
namespace testing = coir::testing;

namespace {

// Of a nightly run, which asks for more seeds.
struct WithoutSeedsFromOutside {
    coir_test::Variable seed{"COIR_SIM_SEED", nullptr};
    coir_test::Variable seeds{"COIR_SIM_SEEDS", nullptr};
    coir_test::Variable trace{"COIR_SIM_TRACE", nullptr};
};

// Several tasks, a server, timers: what depends on any order shows in the order of `log`.
void little_program(std::vector<std::string>& log) {
    coir::run([&] {
        auto server = coir::start_server(
            [&](coir::Stream& stream) {
                try {
                    while (const auto line = stream.readline()) {
                        log.push_back("server " + *line);
                        stream.write(*line);
                    }
                } catch (const coir::IoError& error) {
                    log.push_back("server " + error.code().message());
                }
            },
            "127.0.0.1", 0);
        const int port = server.port();
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 4; ++i) {
                group.create_task([&, i] {
                    try {
                        auto stream = coir::open_connection("127.0.0.1", port);
                        for (int k = 0; k < 3; ++k) {
                            stream.write(std::to_string(i) + "/" + std::to_string(k) + "\n");
                            const auto answer = stream.readline();
                            log.push_back("client " + answer.value_or("end"));
                        }
                    } catch (const coir::IoError& error) {
                        log.push_back("client " + error.code().message());
                    }
                });
            }
        });
    });
}

testing::SimResult run_it(const testing::SimOptions& options, std::vector<std::string>& log) {
    log.clear();
    return testing::simulate(options, [&] { little_program(log); });
}

// Runs `f` in a child that must abort; what it said on stderr.
std::string last_words(const std::function<void()>& f) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::signal(SIGABRT, SIG_DFL);
        f();
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string text;
    char buffer[512];
    for (ssize_t size; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(size));
    }
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    INFO(text);
    CHECK(WIFSIGNALED(status));
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
    return text;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("equal seeds do the same, other seeds something else", "[simulate]") {
    std::set<std::uint64_t> hashes;
    int faulty = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        INFO("seed " << seed);
        std::vector<std::string> first;
        std::vector<std::string> second;
        const auto one = run_it({.seed = seed}, first);
        const auto two = run_it({.seed = seed}, second);
        CHECK(first == second);
        CHECK(one.hash == two.hash);
        CHECK(one.choice_count == two.choice_count);
        CHECK(one.virtual_time == two.virtual_time);
        CHECK(one.order == two.order);
        CHECK(one.to_string() == two.to_string());
        CHECK(one.open_descriptors == 0);
        hashes.insert(one.hash);
        if (one.faults.to_string() != "none") ++faulty;
    }
    CHECK(hashes.size() > 40);  // without faults, FIFO runs are alike
    CHECK(faulty > 30);
    CHECK(faulty < 55);
}

TEST_CASE("what was chosen can be replayed", "[simulate]") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        INFO("seed " << seed);
        std::vector<std::string> first;
        const auto recorded = run_it({.seed = seed, .record = true}, first);
        CHECK(recorded.choices.size() == recorded.choice_count);
        if (recorded.choices.empty()) continue;
        testing::SimOptions options;
        options.seed = seed;
        options.replay = recorded.choices;
        std::vector<std::string> second;
        const auto replayed = run_it(options, second);
        CHECK(first == second);
        CHECK(replayed.hash == recorded.hash);
        CHECK_FALSE(replayed.diverged);
        // Past the end of a shorter list nothing goes wrong any more.
        options.replay.resize(1 + options.replay.size() / 2);
        std::vector<std::string> third;
        const auto halved = run_it(options, third);
        CHECK_FALSE(halved.diverged);
        CHECK(halved.open_descriptors == 0);
    }
}

TEST_CASE("a program's own decisions are choices", "[simulate]") {
    const auto decide = [](testing::SimOptions options, std::vector<std::uint32_t>& decided) {
        options.faults.emplace();
        options.order = testing::SimOrder::fifo;
        return testing::simulate(options, [&] {
            for (int i = 0; i < 100; ++i) decided.push_back(testing::choose(10));
            CHECK(testing::choose(1) == 0);
            CHECK_THROWS_AS(testing::choose(0), std::invalid_argument);
        });
    };
    std::vector<std::uint32_t> first;
    const auto recorded = decide({.seed = 5, .record = true}, first);
    CHECK(recorded.choice_count == 100);
    CHECK(std::set<std::uint32_t>(first.begin(), first.end()).size() == 10);
    std::vector<std::uint32_t> other;
    decide({.seed = 6}, other);
    CHECK(other != first);
    std::vector<std::uint32_t> again;
    testing::SimOptions replay;
    replay.replay = recorded.choices;
    CHECK_FALSE(decide(replay, again).diverged);
    CHECK(again == first);
    CHECK_THROWS_AS(testing::choose(2), std::logic_error);
}

TEST_CASE("a choice list of another program is noticed", "[simulate]") {
    std::vector<std::string> log;
    testing::SimOptions options;
    options.faults.emplace().partial = 0.5;
    options.replay = {{3, 77, 5}, {1, 2, 1}};
    CHECK(run_it(options, log).diverged);
    // Its answers mean nothing here.
    options.replay = {{1, 2, 1}, {0, 1 << 16, 7}};
    std::vector<std::uint32_t> decided;
    const auto result = testing::simulate(options, [&] {
        for (int i = 0; i < 3; ++i) decided.push_back(testing::choose(10));
    });
    CHECK(decided == std::vector<std::uint32_t>{0, 7, 0});
    CHECK(result.diverged);
}

TEST_CASE("time is virtual", "[simulate]") {
    const auto began = std::chrono::steady_clock::now();
    coir::TimePoint before{};
    coir::TimePoint after{};
    const auto result = testing::simulate({.faults = testing::SimFaults{}}, [&] {
        coir::run([&] {
            before = coir::get_running_loop().time();
            coir::sleep(10h);
            after = coir::get_running_loop().time();
        });
    });
    CHECK(after - before == 10h);
    CHECK(result.virtual_time == 10h);
    CHECK(std::chrono::steady_clock::now() - began < 5s);
}

TEST_CASE("each order is what it says", "[simulate]") {
    const auto order_of = [](testing::SimOrder order, std::uint64_t seed) {
        std::string seen;
        testing::SimOptions options;
        options.seed = seed;
        options.faults.emplace();
        options.order = order;
        testing::simulate(options, [&] {
            coir::run([&] {
                coir::with_task_group([&](coir::TaskGroup& group) {
                    for (char name = 'a'; name < 'e'; ++name) {
                        group.create_task([&seen, name] {
                            for (int i = 0; i < 3; ++i) {
                                seen += name;
                                coir::yield_now();
                            }
                        });
                    }
                });
            });
        });
        return seen;
    };
    const std::string fifo = "abcdabcdabcd";
    std::set<std::string> uniform;
    std::set<std::string> priorities;
    std::set<std::string> starving;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CHECK(order_of(testing::SimOrder::fifo, seed) == fifo);
        uniform.insert(order_of(testing::SimOrder::uniform, seed));
        priorities.insert(order_of(testing::SimOrder::priorities, seed));
        starving.insert(order_of(testing::SimOrder::starvation, seed));
    }
    CHECK(uniform.size() > 45);
    CHECK(priorities.size() > 10);
    // Without a drop the first one runs to its end before all others.
    CHECK(std::any_of(priorities.begin(), priorities.end(), [](const std::string& seen) {
        return seen == "aaabbbcccddd" || seen.substr(0, 3) == std::string(3, seen[0]);
    }));
    CHECK(starving.size() > 3);
    CHECK(starving.count(fifo) == 1);
}

TEST_CASE("run() returns what main returns, and a deadlock throws", "[simulate]") {
    CHECK(testing::run([] { return 42; }) == 42);
    CHECK_THROWS_AS(testing::run([] { throw std::out_of_range("mine"); }), std::out_of_range);
    // Nothing is on its way, and nobody will send anything.
    CHECK_THROWS_AS(testing::run([] {
                        auto listener = coir::Listener::listen("127.0.0.1", 0);
                        auto stream = listener.accept();
                    }),
                    coir::DeadlockError);
}

TEST_CASE("loops one after another share the world", "[simulate]") {
    const auto result = testing::simulate({.faults = testing::SimFaults{}}, [] {
        coir::run([] { coir::sleep(1s); });
        coir::RunOptions options;
        options.reactor = "epoll";  // whatever it asks for
        coir::run(
            [] {
                CHECK(coir::get_running_loop().reactor_name() == "sim");
                coir::sleep(1s);
            },
            options);
    });
    CHECK(result.virtual_time == 2s);
}

TEST_CASE("for_each_seed runs each seed", "[simulate]") {
    const WithoutSeedsFromOutside alone;
    int runs = 0;
    testing::for_each_seed(7, [&] { ++runs; });
    CHECK(runs == 7);
    ::setenv("COIR_SIM_SEEDS", "3", 1);
    testing::for_each_seed(7, [&] { ++runs; });
    ::unsetenv("COIR_SIM_SEEDS");
    CHECK(runs == 10);
    ::setenv("COIR_SIM_SEED", "5", 1);
    testing::for_each_seed(7, [&] { ++runs; });
    ::setenv("COIR_SIM_SEED", "five", 1);
    CHECK_THROWS_AS(testing::for_each_seed(7, [&] { ++runs; }), std::invalid_argument);
    ::unsetenv("COIR_SIM_SEED");
    CHECK(runs == 11);
}

TEST_CASE("for_each_seed takes options, and begins at their seed", "[simulate]") {
    const WithoutSeedsFromOutside alone;
    testing::SimOptions options;
    options.seed = 40;
    options.faults.emplace();
    std::vector<std::uint64_t> seeds;
    testing::for_each_seed(options, 3, [&] {
        seeds.push_back(testing::current_seed());
        CHECK(testing::current_faults().to_string() == "none");
    });
    CHECK(seeds == std::vector<std::uint64_t>{40, 41, 42});
}

TEST_CASE("for_each_seed runs what has failed again, and says when it does not fail", "[simulate]") {
    const WithoutSeedsFromOutside alone;
    const auto failing_at = [](int last) {
        return coir_test::in_child([last] {
            int runs = 0;
            try {
                testing::for_each_seed(7, [&] {
                    if (++runs >= 3 && runs <= last) throw std::runtime_error("third");
                });
            } catch (const std::runtime_error&) {
                if (runs != 4) throw;
            }
        });
    };
    const auto once = failing_at(3);
    CHECK(once.exited_with(0));
    CHECK(once.errors.find("seed 2 failed: third; COIR_SIM_SEED=2") != std::string::npos);
    CHECK(once.errors.find("run again, seed 2 does not fail") != std::string::npos);
    const auto twice = failing_at(100);
    CHECK(twice.exited_with(0));
    CHECK(twice.errors.find("run again") == std::string::npos);
}

TEST_CASE("for_each_seed names the seed that ends the process", "[simulate]") {
    const WithoutSeedsFromOutside alone;
    const auto ended = coir_test::in_child([] {
        testing::for_each_seed(7, [] {
            if (testing::current_seed() == 4) std::abort();
        });
    });
    CHECK(ended.died_by(SIGABRT));
    CHECK(ended.errors.find("seed 4 ended the process; COIR_SIM_SEED=4") != std::string::npos);
}

TEST_CASE("errors that nobody handles are counted, and fail the run where that is asked for", "[simulate]") {
    const coir_test::LogCapture log;
    const auto program = [] {
        coir::run([] {
            coir::spawn_detached([] { throw std::runtime_error("lost"); });
            coir::sleep(1ms);
        });
    };
    testing::SimOptions options;
    CHECK(testing::simulate(options, program).reported_errors == 1);
    options.fail_on_reports = true;
    try {
        testing::simulate(options, program);
        FAIL("it passes");
    } catch (const std::runtime_error& error) {
        CHECK(std::string(error.what()).find("lost") != std::string::npos);
    }
    // A run that is kept as text, or printed as a test, fails as well.
    CHECK(testing::options_from_text(testing::to_text(options)).fail_on_reports);
    const auto handling = [] {
        coir::run([] {
            coir::get_running_loop().set_exception_handler([](const coir::ExceptionContext&) {});
            coir::spawn_detached([] { throw std::runtime_error("lost"); });
            coir::sleep(1ms);
        });
    };
    CHECK(testing::simulate(options, handling).reported_errors == 0);
}

TEST_CASE("a message that ends in a backslash does not take the next line of a printed test", "[simulate]") {
    testing::SimFailure failure;
    failure.signature = "C:\\";
    CHECK(failure.to_cpp("program").find("\\\n") == std::string::npos);
}

TEST_CASE("a trace says what happens, and changes nothing", "[simulate]") {
    const coir_test::LogCapture reports;  // of the error that is reported
    const auto program = [] {
        std::vector<std::string> log;
        little_program(log);
        coir::run([] {
            testing::note("half way");
            static_cast<void>(coir::create_task([] { throw std::runtime_error("nobody looks"); }));
            coir::sleep(1s);
            auto asked = coir::create_task([] { coir::sleep(1h); });
            coir::yield_now();
            asked.cancel();
            CHECK_THROWS_AS(coir::await(asked), coir::TaskCancelledError);
            CHECK_THROWS_AS(coir::with_timeout(1s, [] { coir::sleep(1h); }), coir::TimeoutError);
        });
    };
    testing::SimOptions options;
    options.seed = GENERATE(range(std::uint64_t{0}, std::uint64_t{8}));
    options.reactor = GENERATE(testing::SimReactor::readiness, testing::SimReactor::io_uring);
    options.order = options.seed % 2 == 0 ? testing::SimOrder::fifo : testing::SimOrder::uniform;
    const auto silent = testing::simulate(options, program);
    std::string lines;
    options.trace = [&lines](std::string_view line) {
        const std::size_t point = line.find('.');
        if (line.size() < 30 || line.substr(point + 10, 2) != "  ") lines += "malformed: ";
        lines += std::string(line) + "\n";
    };
    CHECK(testing::simulate(options, program).hash == silent.hash);
    CHECK_THAT(lines, !Catch::Contains("malformed"));
    CHECK_THAT(lines, Catch::Contains("listen("));
    CHECK_THAT(lines, Catch::Contains(", 127.0.0.1:"));
    CHECK_THAT(lines, Catch::Contains("note: half way"));
    CHECK((lines.find("chosen: next is ") != lines.npos) == (options.order == testing::SimOrder::uniform));
    CHECK_THAT(lines, Catch::Contains("nobody looks"));
    CHECK_THAT(lines, Catch::Contains("main              cancel of task "));
    CHECK_THAT(lines, Catch::Contains("-                 a timeout of task "));
    CHECK((lines.find("by io_uring") != lines.npos) == (options.reactor == testing::SimReactor::io_uring));
}

TEST_CASE("for_each_seed writes a trace where COIR_SIM_TRACE says", "[simulate]") {
    const WithoutSeedsFromOutside alone;
    const auto traced = coir_test::in_child([] {
        ::setenv("COIR_SIM_TRACE", "-", 1);
        ::setenv("COIR_SIM_SEED", "3", 1);
        testing::for_each_seed(100, [] { coir::run([] { testing::note("of a seed"); }); });
        testing::simulate({}, [] { coir::run([] { testing::note("alone"); }); });
        ::setenv("COIR_SIM_TRACE", "/nowhere/trace", 1);
        try {
            testing::for_each_seed(100, [] {});
        } catch (const std::invalid_argument& error) {
            std::fputs(error.what(), stderr);
        }
    });
    CHECK_THAT(traced.errors, Catch::Contains("note: of a seed\n"));
    CHECK_THAT(traced.errors, !Catch::Contains("failed"));
    CHECK_THAT(traced.errors, Catch::Contains("note: alone\n"));
    CHECK_THAT(traced.errors, Catch::Contains("or -, got '/nowhere/trace'"));
}

TEST_CASE("a run that does not come to an end is ended", "[simulate]") {
    testing::SimOptions options;
    options.most_turns = 500;
    const auto ended = coir_test::in_child([&options] {
        try {
            testing::run([] { for (;;) coir::yield_now(); }, options);
        } catch (const coir::DeadlockError& error) {
            std::fputs(error.what(), stderr);
        }
    });
    CHECK_THAT(ended.errors, Catch::Contains("seed 0 does not come to an end: 500 turns"));
    CHECK_THAT(ended.errors, Catch::Contains("does not come to an end; its tasks:"));
    CHECK(testing::options_from_text(testing::to_text(options)).most_turns == 500);
    options.most_turns = 0;
    CHECK_THROWS_WITH(testing::simulate(options, [] {}), Catch::Contains("at least 1"));
}

TEST_CASE("bad options and places are refused", "[simulate]") {
    const auto with = [](auto change) {
        testing::SimOptions options;
        options.faults.emplace();
        change(options);
        testing::simulate(options, [] {});
    };
    using testing::SimOptions;
    CHECK_THROWS_AS(with([](SimOptions& o) { o.faults->partial = -0.1; }), std::invalid_argument);
    CHECK_THROWS_AS(with([](SimOptions& o) { o.faults->reset = 1.5; }), std::invalid_argument);
    CHECK_THROWS_AS(with([](SimOptions& o) {
                        o.faults->loss = std::numeric_limits<double>::quiet_NaN();
                    }),
                    std::invalid_argument);
    CHECK_THROWS_AS(with([](SimOptions& o) { o.faults->latency = -1ns; }), std::invalid_argument);
    CHECK_THROWS_AS(with([](SimOptions& o) { o.replay = {{1, 0, 0}}; }), std::invalid_argument);
    CHECK_THROWS_AS(testing::simulate({}, [] { testing::simulate({}, [] {}); }), std::logic_error);
    CHECK_THROWS_AS(coir::run([] { testing::simulate({}, [] {}); }), std::logic_error);
    CHECK_THROWS_AS(testing::Network::heal_all(), std::logic_error);
    CHECK_THROWS_AS(testing::Network::open_descriptors(), std::logic_error);
    testing::simulate({}, [] {
        CHECK_THROWS_AS(testing::Network::partition("localhost", "::1"), std::invalid_argument);
        CHECK_THROWS_AS(testing::Network::set_link("10.0.0.1", "::1", {.loss = 2}),
                        std::invalid_argument);
        CHECK_THROWS_AS(testing::Network::set_link("10.0.0.1", "::1", {.latency = -1ms}),
                        std::invalid_argument);
    });
}

TEST_CASE("a failed run leaves nothing behind", "[simulate]") {
    for (int i = 0; i < 3; ++i) {
        CHECK_THROWS_AS(testing::run([] {
                            auto listener = coir::Listener::listen("127.0.0.1", 0);
                            auto client = coir::open_connection("127.0.0.1", listener.port());
                            throw std::out_of_range("in the middle");
                        }),
                        std::out_of_range);
    }
    CHECK_NOTHROW(coir::run([] { coir::sleep(1ms); }));  // the real world again
}

TEST_CASE("what is not simulated ends the program", "[simulate]") {
    const auto in_task = [](std::function<void()> f) {
        return [f = std::move(f)] {
            testing::run([&] {
                coir::TaskOptions options;
                options.name = "culprit";
                coir::await(coir::create_task(options, f));
            });
        };
    };
    const std::string watcher = last_words(in_task([] { coir::FsWatcher nobody_watches_files_here; }));
    CHECK(contains(watcher, "system call"));
    CHECK(contains(watcher, "culprit"));
    const std::string foreign = last_words(in_task([] {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return;
        coir::Socket socket{coir::Fd(ends[0])};
        socket.send("x");
    }));
    CHECK(contains(foreign, "is not the simulated world's"));
    CHECK(contains(foreign, "culprit"));
}
