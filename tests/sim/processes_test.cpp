// SPDX-License-Identifier: BSL-1.0
// Processes of a simulated world: programs are functions, and everything of coir's Process works on them.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>
#include <coir/testing.hpp>

#include <cerrno>
#include <csignal>
#include <cctype>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace testing = coir::testing;
using testing::Programs;
using testing::SimProcess;

namespace {

int upper(SimProcess& self) {
    while (auto line = self.read_line(0)) {
        for (char& c : *line) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        self.write(1, *line + "\n");
    }
    return 3;
}

// In worlds with every fault but those that refuse a process.
template <class F>
void in_worlds(std::uint64_t seeds, F&& main) {
    coir_test::LogCapture log;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        testing::SimOptions options;
        options.seed = seed;
        options.faults = testing::SimFaults::drawn(seed);
        options.faults->no_process = 0;
        INFO("seed " << seed);
        const auto result = testing::simulate(options, [&] {
            Programs::install("/usr/bin/upper", &upper);
            coir::RunOptions run_options;
            run_options.on_deadlock = coir::OnDeadlock::fail;
            coir::run(main, run_options);
        });
        CHECK(result.open_processes == 0);
        CHECK(result.open_descriptors == 0);
    }
}

coir::ProcessOptions piped() {
    coir::ProcessOptions options;
    options.stdin_ = options.stdout_ = options.stderr_ = coir::Stdio::pipe();
    options.env = std::vector<std::string>{"PATH=/bin:/usr/bin", "COLOUR=green"};
    return options;
}

}  // namespace

TEST_CASE("a program's processes talk through pipes", "[processes]") {
    in_worlds(60, [] {
        auto process = coir::create_subprocess_exec({"upper"}, piped());
        const auto output = process.communicate("one\ntwo\n");
        CHECK(output.stdout_ == "ONE\nTWO\n");
        CHECK(output.stderr_.empty());
        CHECK(output.status.code() == 3);
        CHECK(process.pid() > 0);
        CHECK(Programs::running().empty());
    });
}

TEST_CASE("more than a pipe holds goes through a process", "[processes]") {
    in_worlds(10, [] {
        const std::string text = std::string(300'000, 'x') + "\n";
        auto process = coir::create_subprocess_exec({"upper"}, piped());
        CHECK(process.communicate(text).stdout_ == std::string(300'000, 'X') + "\n");
    });
}

TEST_CASE("a process has what it was given", "[processes]") {
    in_worlds(10, [] {
        Programs::install("/opt/look", [](SimProcess& self) {
            self.write(1, self.arguments()[0] + " " + self.arguments()[1] + " " +
                              self.variable("COLOUR").value_or("none") + " " +
                              self.variable("COLO").value_or("none") + " " + self.directory() + " " +
                              (self.has(7) ? "7" : "-") + (self.has(8) ? "8" : "-") +
                              (self.has(2) ? "2" : "-"));
            CHECK_THROWS_AS(self.close(9), std::system_error);
            return 0;
        });
        coir::ProcessOptions options = piped();
        options.stderr_ = coir::Stdio::to_stdout();
        options.executable = "/opt/look";
        options.cwd = "/";
        options.extra_fds = {{7, coir::Stdio::devnull()}};
        auto process = coir::create_subprocess_exec({"name", "argument"}, options);
        CHECK(process.communicate("").stdout_ == "name argument green none / 7-2");
    });
}

TEST_CASE("what is not installed does not exist", "[processes]") {
    in_worlds(10, [] {
        for (const char* name : {"sh", "/bin/sh"}) {
            try {
                coir::create_subprocess_exec({name});
                FAIL("there is no such program");
            } catch (const coir::IoError& error) {
                CHECK(error.code().value() == ENOENT);
            }
        }
        coir::ProcessOptions elsewhere = piped();
        elsewhere.cwd = "/nowhere at all";
        CHECK_THROWS_AS(coir::create_subprocess_exec({"upper"}, elsewhere), coir::IoError);
    });
    testing::SimOptions options;
    options.faults.emplace();
    options.faults->no_process = 1;
    testing::simulate(options, [] {
        Programs::install("/usr/bin/upper", &upper);
        coir::run([] {
            try {
                coir::create_subprocess_exec({"/usr/bin/upper"});
                FAIL("processes are refused");
            } catch (const coir::IoError& error) {
                CHECK(error.code().value() == EAGAIN);
            }
        });
    });
}

TEST_CASE("signals end, stop and interrupt processes", "[processes]") {
    in_worlds(40, [] {
        bool unwound = false;
        Programs::install("/usr/bin/sleeper", [&unwound](SimProcess& self) {
            struct Note {
                bool& done;
                SimProcess& self;
                ~Note() {
                    done = true;
                    self.write(1, "not any more");  // does nothing
                }
            } note{unwound, self};
            self.write(1, "ready\n");
            for (;;) self.sleep(1h);
            return 0;
        });
        auto process = coir::create_subprocess_exec({"sleeper"}, piped());
        CHECK(process.stdout_().readline() == "ready\n");
        CHECK(!process.poll());
        CHECK(process.send_signal(SIGSTOP));
        coir::sleep(1ms);
        CHECK(process.send_signal(SIGTERM));
        coir::sleep(1s);
        CHECK(!process.poll());
        CHECK(process.send_signal(SIGCONT));
        const auto status = process.wait();
        CHECK(status.signal() == SIGTERM);
        CHECK(unwound);
        CHECK(process.stdout_().read(100).empty());
        CHECK(!process.send_signal(SIGTERM));
    });
}

TEST_CASE("a process may ignore and handle signals, but SIGKILL", "[processes]") {
    in_worlds(40, [] {
        Programs::install("/usr/bin/stubborn", [](SimProcess& self) {
            int hups = 0;
            self.ignore(SIGTERM);
            self.on_signal(SIGHUP, [&hups](int) { ++hups; });
            CHECK_THROWS_AS(self.ignore(SIGKILL), std::system_error);
            self.write(1, "ready\n");
            while (hups == 0) self.sleep(1ms);
            self.write(1, "hup\n");
            self.read_all(0);
            for (;;) self.sleep(1h);
            return 0;
        });
        auto process = coir::create_subprocess_exec({"stubborn"}, piped());
        CHECK(process.stdout_().readline() == "ready\n");
        process.send_signal(SIGTERM);
        process.send_signal(SIGHUP);
        CHECK(process.stdout_().readline() == "hup\n");
        CHECK_THROWS_AS(coir::with_timeout(1s, [&] { process.wait(); }), coir::TimeoutError);
        process.kill();
        CHECK(process.wait().signal() == SIGKILL);
    });
}

TEST_CASE("writing to nobody ends a process, and so does an exception", "[processes]") {
    in_worlds(20, [] {
        Programs::install("/usr/bin/yes", [](SimProcess& self) {
            for (;;) self.write(1, "yes\n");
            return 0;
        });
        Programs::install("/usr/bin/quits", [](SimProcess& self) -> int { self.exit(260); });
        auto yes = coir::create_subprocess_exec({"yes"}, piped());
        CHECK(yes.stdout_().readline() == "yes\n");
        yes.stdout_().close();
        CHECK(yes.wait().signal() == SIGPIPE);
        auto quits = coir::create_subprocess_exec({"quits"}, piped());
        CHECK(quits.wait().code() == 4);
    });
}

TEST_CASE("a dropped handle kills its process, and a group goes together", "[processes]") {
    in_worlds(20, [] {
        Programs::install("/usr/bin/sleeper", [](SimProcess& self) {
            for (;;) self.sleep(1h);
            return 0;
        });
        {
            auto process = coir::create_subprocess_exec({"sleeper"});
            CHECK(Programs::running().size() == 1);
        }
        CHECK(Programs::running().empty());
        coir::ProcessOptions options;
        options.process_group = 0;
        auto leader = coir::create_subprocess_exec({"sleeper"}, options);
        options.process_group = leader.pid();
        auto member = coir::create_subprocess_exec({"sleeper"}, options);
        CHECK(leader.kill_group());
        CHECK(leader.wait().signal() == SIGKILL);
        CHECK(member.wait().signal() == SIGKILL);
    });
}

TEST_CASE("SIGCHLD and signals of a process come to the loop", "[processes]") {
    in_worlds(20, [] {
        Programs::install("/usr/bin/tells", [](SimProcess& self) {
            self.signal_parent(SIGUSR1);
            CHECK_THROWS_AS(self.signal_parent(SIGUSR2), std::logic_error);
            return 0;
        });
        coir::SignalStream signals({SIGCHLD, SIGUSR1});
        auto process = coir::create_subprocess_exec({"tells"});
        bool child = false;
        bool user = false;
        while (!child || !user) (signals.next() == SIGCHLD ? child : user) = true;
        CHECK(process.wait().code() == 0);
    });
}

TEST_CASE("what is left running when the simulation ends is killed", "[processes]") {
    testing::SimOptions options;
    options.faults.emplace();
    const auto result = testing::simulate(options, [] {
        Programs::install("/usr/bin/sleeper", [](SimProcess& self) {
            for (;;) self.sleep(1h);
            return 0;
        });
        coir::run([] { coir::create_subprocess_exec({"sleeper"}).detach(); });
    });
    CHECK(result.open_processes == 1);
    CHECK_THROWS_AS(Programs::running(), std::logic_error);
    CHECK_THROWS_AS(Programs::install("/x", &upper), std::logic_error);
    CHECK_THROWS_AS(testing::simulate(options, [] { Programs::install("x", &upper); }),
                    std::invalid_argument);
}

TEST_CASE("a wait for a process that never comes to an end is a deadlock", "[processes]") {
    testing::SimOptions options;
    options.faults.emplace();
    testing::simulate(options, [] {
        Programs::install("/usr/bin/upper", &upper);
        coir::RunOptions run_options;
        run_options.on_deadlock = coir::OnDeadlock::fail;
        CHECK_THROWS_AS(coir::run([] { coir::create_subprocess_exec({"upper"}, piped()).wait(); }, run_options),
                        coir::DeadlockError);
    });
}

TEST_CASE("the same seed does the same with processes", "[processes]") {
    coir_test::LogCapture log;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        const auto run = [seed] {
            testing::SimOptions options;
            options.seed = seed;
            return testing::simulate(options, [] {
                Programs::install("/usr/bin/upper", &upper);
                coir::run([] {
                    coir::with_task_group([](coir::TaskGroup& group) {
                        for (int i = 0; i < 4; ++i) {
                            group.create_task([i] {
                                try {
                                    auto process = coir::create_subprocess_exec({"upper"}, piped());
                                    process.communicate(std::string(static_cast<std::size_t>(i) * 100, 'a'));
                                } catch (const coir::IoError& error) {
                                    CHECK(error.code().value() == EAGAIN);
                                }
                            });
                        }
                    });
                });
            });
        };
        CHECK(run().hash == run().hash);
    }
}
