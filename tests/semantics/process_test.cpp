// SPDX-License-Identifier: BSL-1.0
// Subprocesses: semantics.md §2.26, decision D28, rule 354.
#include "processes.hpp"
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using coir::Process;
using coir::ProcessOptions;
using coir::Stdio;
using coir_test::FdCount;
using coir_test::error_of;
using coir_test::has_children;
using coir_test::output_of;
using coir_test::output_only;
using coir_test::piped;
using coir_test::run_in_loop;
using coir_test::runs;
using coir_test::start;

TEST_CASE("rule 310: communicate feeds, reads both, and waits", "[process]") {
    FdCount fds;
    run_in_loop([] {
        Process process = coir::create_subprocess_shell("cat; echo oops >&2; exit 3", piped());
        const coir::ProcessOutput output = process.communicate("some input");
        CHECK(output.stdout_ == "some input");
        CHECK(output.stderr_ == "oops\n");
        CHECK(output.status.code() == 3);
        // No input still closes standard input.
        Process silent = coir::create_subprocess_exec({"cat"}, piped());
        const coir::ProcessOutput nothing = silent.communicate();
        CHECK((nothing.stdout_.empty() && nothing.stderr_.empty() && nothing.status.ok()));
        // What is redirected elsewhere gives nothing.
        ProcessOptions options;
        options.stdout_ = options.stderr_ = Stdio::devnull();
        options.stdin_ = Stdio::devnull();
        Process quiet = coir::create_subprocess_shell("cat; echo out; echo err >&2", options);
        const coir::ProcessOutput redirected = quiet.communicate();
        CHECK((redirected.stdout_.empty() && redirected.stderr_.empty() && redirected.status.ok()));
        CHECK_THROWS_AS(quiet.stdout_(), std::logic_error);
        // One stream for both.
        options = output_only();
        options.stderr_ = Stdio::to_stdout();
        CHECK(output_of("echo a; echo b >&2", options) == "a\nb\n");
    });
    CHECK_FALSE(has_children());
}

TEST_CASE("rule 310: ten megabytes through cat, both ways at once", "[process]") {
    run_in_loop([] {
        std::string input(10 << 20, '\0');
        for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<char>(i * 131 >> 3);
        Process process = coir::create_subprocess_shell("cat", piped());
        const coir::ProcessOutput output = process.communicate(input);
        CHECK(output.stdout_ == input);
        CHECK(output.status.ok());
    });
}

TEST_CASE("rule 311: a child that does not read its input", "[process]") {
    run_in_loop([] {
        const std::string input(1 << 20, 'x');
        for (const char* command : {"exit 0", "exec <&-; echo out", "head -c 10 >/dev/null; echo out"}) {
            Process process = coir::create_subprocess_shell(command, piped());
            const coir::ProcessOutput output = process.communicate(input);
            CHECK(output.status.ok());
            CHECK(output.stdout_ == (command == std::string("exit 0") ? "" : "out\n"));
        }
        // A plain write tells.
        Process process = coir::create_subprocess_exec({"true"}, piped());
        process.wait();
        CHECK(error_of([&] { process.stdin_().write(input); }) == EPIPE);
    });
}

TEST_CASE("rule 312: the status is a code or a signal", "[process]") {
    run_in_loop([] {
        for (int code : {0, 1, 7, 255}) {
            Process process = coir::create_subprocess_shell("exit " + std::to_string(code));
            const coir::ExitStatus status = process.wait();
            CHECK(status.code() == code);
            CHECK(status.signal() == 0);
            CHECK(status.known());
            CHECK(status.ok() == (code == 0));
        }
        const auto ended_by = [](auto&& send, int signo) {
            Process process = coir::create_subprocess_exec({"sleep", "60"});
            CHECK_FALSE(process.poll().has_value());
            CHECK(send(process));
            const coir::ExitStatus status = process.wait();
            CHECK(status.signal() == signo);
            CHECK(status.code() == -1);
            CHECK_FALSE(status.ok());
            CHECK_FALSE(send(process));  // it has ended
        };
        ended_by([](Process& process) { return process.kill(); }, SIGKILL);
        ended_by([](Process& process) { return process.terminate(); }, SIGTERM);
        ended_by([](Process& process) { return process.send_signal(SIGHUP); }, SIGHUP);
        Process process = coir::create_subprocess_exec({"true"});
        CHECK_THROWS_AS(process.send_signal(-1), std::invalid_argument);
        CHECK_THROWS_AS(process.send_signal(65), std::invalid_argument);
        process.wait();
    });
}

TEST_CASE("rule 313: wait any number of times, and by several tasks", "[process]") {
    run_in_loop([] {
        Process process = coir::create_subprocess_shell("read x; exit 5", piped());
        auto wait = [&] { return process.wait().code(); };
        std::vector<coir::Task<int>> waiters;
        for (int i = 0; i < 5; ++i) waiters.push_back(coir::create_task(wait));
        coir::yield_now();
        process.stdin_().write("go\n");
        for (auto& waiter : waiters) CHECK(coir::await(waiter) == 5);
        CHECK(process.wait().code() == 5);
        CHECK(process.poll() == process.wait());
        CHECK(process.communicate().status.code() == 5);
    });
}

TEST_CASE("rule 314: cancelling wait leaves the process", "[process]") {
    run_in_loop([] {
        Process process = coir::create_subprocess_exec({"cat"}, piped());
        auto waiter = coir::create_task([&] { return process.wait(); });
        auto other = coir::create_task([&] { return process.wait(); });
        coir::yield_now();
        waiter.cancel();
        CHECK_THROWS_AS(coir::await(waiter), coir::TaskCancelledError);
        process.stdin_().write("still there");
        CHECK(process.stdout_().read(100) == "still there");
        process.kill();
        CHECK(process.wait().signal() == SIGKILL);
        CHECK(coir::await(other).signal() == SIGKILL);
    });
}

TEST_CASE("rule 315: cancelling a spawn kills and reaps", "[process]") {
    FdCount fds;
    run_in_loop([] {
        for (int turns = 0; turns < 4; ++turns) {
            bool returned = false;
            auto spawner = coir::create_task([&] {
                Process process = coir::create_subprocess_exec({"sleep", "60"}, piped());
                returned = true;
                process.wait();
            });
            for (int i = 0; i < turns; ++i) coir::yield_now();
            spawner.cancel();
            CHECK_THROWS_AS(coir::await(spawner), coir::TaskCancelledError);
            CHECK_FALSE(has_children());
        }
    });
}

TEST_CASE("rule 316, D28: a handle that goes kills a running process", "[process]") {
    FdCount fds;
    coir_test::LogCapture lines;
    pid_t pid = 0;
    Process survivor;  // outlives its loop
    run_in_loop([&] {
        {
            Process process = coir::create_subprocess_exec({"sleep", "60"}, piped());
            pid = process.pid();
            CHECK(runs(pid));
        }
        CHECK_FALSE(runs(pid));
        // By assignment, in a callback, and in a catch block.
        Process process = coir::create_subprocess_exec({"sleep", "60"});
        pid = process.pid();
        process = coir::create_subprocess_exec({"sleep", "60"});
        CHECK_FALSE(runs(pid));
        pid = process.pid();
        coir::Event done;
        coir::get_running_loop().call_soon([&] {
            process = Process();
            done.set();
        });
        done.wait();
        CHECK_FALSE(runs(pid));
        try {
            Process doomed = coir::create_subprocess_exec({"sleep", "60"});
            pid = doomed.pid();
            throw std::runtime_error("x");
        } catch (const std::runtime_error&) {
            CHECK_FALSE(runs(pid));
        }
        survivor = coir::create_subprocess_exec({"sleep", "60"});
        pid = survivor.pid();
    });
    CHECK(runs(pid));
    survivor = Process();
    CHECK_FALSE(runs(pid));
    CHECK_FALSE(has_children());
    CHECK(lines.count_from(coir::LogLevel::warning) == 0);
}

TEST_CASE("rule 316, D28: a task that is cancelled kills its process and sees the cancel", "[process]") {
    run_in_loop([] {
        pid_t pid = 0;
        auto task = coir::create_task([&] {
            Process process = coir::create_subprocess_exec({"sleep", "60"});
            pid = process.pid();
            process.wait();
        });
        while (pid == 0) coir::yield_now();
        coir::yield_now();
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK_FALSE(runs(pid));
    });
}

TEST_CASE("D28: a detached process outlives its handle, and is reaped", "[process]") {
    run_in_loop([] {
        pid_t pid = 0;
        int gate[2];
        REQUIRE(::pipe2(gate, O_CLOEXEC) == 0);
        {
            ProcessOptions options;
            options.stdin_ = Stdio::fd(gate[0]);
            Process process = coir::create_subprocess_exec({"cat"}, options);
            pid = process.pid();
            process.detach();
        }
        ::close(gate[0]);
        CHECK(runs(pid));
        ::close(gate[1]);  // cat ends
        while (has_children()) coir::to_thread([] { ::usleep(1000); });
        CHECK_FALSE(runs(pid));
    });
}

TEST_CASE("rule 317: signals that race with the end of the process", "[process]") {
    run_in_loop([] {
        for (int i = 0; i < 30; ++i) {
            Process process = coir::create_subprocess_exec({"true"});
            auto sender = coir::create_task([&] {
                for (int n = 0; n < 20; ++n) {
                    process.send_signal(0);
                    coir::yield_now();
                }
                process.terminate();
            });
            const coir::ExitStatus status = process.wait();
            CHECK(status.known());
            CHECK((status.ok() || status.signal() == SIGTERM));
            coir::await(sender);
            CHECK(process.wait() == status);
            CHECK_FALSE(process.kill());
        }
    });
}

TEST_CASE("rule 318: output is readable after the exit", "[process]") {
    run_in_loop([] {
        Process process = coir::create_subprocess_shell("echo left; echo behind", output_only());
        CHECK(process.wait().ok());
        CHECK(process.stdout_().readline() == "left\n");
        CHECK(process.stdout_().read_all() == "behind\n");
    });
}

TEST_CASE("rule 319: a program that cannot be run is an error of the spawn, naming it", "[process]") {
    if (coir_test::on_valgrind()) COIR_SKIP("valgrind gives a child of vfork a copy of the memory");
    FdCount fds;
    run_in_loop([] {
        std::string text;
        CHECK(error_of([] { start({"/no/such/program"}); }, &text) == ENOENT);
        CHECK(text.find("'/no/such/program'") != std::string::npos);
        CHECK(error_of([] { start({"no-such-program"}, piped()); }) == ENOENT);
        CHECK(error_of([] { start({"/etc/passwd"}, piped()); }) == EACCES);
        CHECK(error_of([] { start({"/"}); }) == EACCES);
        CHECK(error_of([] { start({""}); }) == ENOENT);
        ProcessOptions options;
        options.cwd = "/no/such/folder";
        CHECK(error_of([&] { start({"true"}, options); }, &text) == ENOENT);
        CHECK(text.find("/no/such/folder") != std::string::npos);
        options = {};
        options.executable = "/no/such/program";
        CHECK(error_of([&] { start({"true"}, options); }, &text) == ENOENT);
        options = {};
        options.pass_fds = {199};
        CHECK(error_of([&] { start({"true"}, options); }) == EBADF);
        options = {};
        options.stdout_ = Stdio::fd(199);
        CHECK(error_of([&] { start({"true"}, options); }) == EBADF);
        CHECK_FALSE(has_children());
    });
}

TEST_CASE("rule 320, D28: wait does not wait for a grandchild that holds the pipe", "[process]") {
    if (coir_test::on_valgrind()) COIR_SKIP("valgrind gives a child of vfork a copy of the memory");
    run_in_loop([] {
        ProcessOptions options = piped();
        options.process_group = 0;
        Process process = coir::create_subprocess_shell("sleep 60 & echo $!", options);
        CHECK(process.wait().ok());
        const pid_t grandchild = std::stoi(*process.stdout_().readline());
        CHECK(runs(grandchild));
        // Nor does communicate, when it is told so.
        coir::CommunicateOptions soon;
        soon.linger = 10ms;
        const coir::ProcessOutput output = process.communicate("", soon);
        CHECK(output.status.ok());
        CHECK(runs(grandchild));
        CHECK(process.kill_group());
    });
}

TEST_CASE("rule 320: communicate returns what came before it stopped reading", "[process]") {
    run_in_loop([] {
        ProcessOptions options = output_only();
        options.new_session = true;
        Process process = coir::create_subprocess_shell("sleep 60 & echo some; exit 4", options);
        coir::CommunicateOptions soon;
        soon.linger = 50ms;
        const coir::ProcessOutput output = process.communicate("", soon);
        CHECK(output.stdout_ == "some\n");
        CHECK(output.status.code() == 4);
        process.kill_group();
    });
}

TEST_CASE("rule 321: argv, environment, directory and executable", "[process]") {
    if (coir_test::on_valgrind()) COIR_SKIP("valgrind gives a child of vfork a copy of the memory");
    run_in_loop([] {
        CHECK(output_of("pwd") != "/\n");
        ProcessOptions options = output_only();
        options.cwd = "/";
        CHECK(output_of("pwd", options) == "/\n");
        options = output_only();
        options.env = std::vector<std::string>{"ONE=1", "EMPTY=", "TWO=a=b"};
        CHECK(output_of("echo $ONE/$EMPTY/$TWO/$HOME", options) == "1//a=b/\n");
        // Without a PATH, programs are still found where they are always.
        Process process = coir::create_subprocess_exec({"env"}, options);
        CHECK(process.communicate().stdout_ == "ONE=1\nEMPTY=\nTWO=a=b\n");
        options.env = std::vector<std::string>{"PATH=/no/such:/etc"};
        CHECK(error_of([&] { start({"env"}, options); }) == ENOENT);
        CHECK(error_of([&] { start({"passwd"}, options); }) == EACCES);
        options = output_only();
        options.executable = "/bin/sh";
        Process named = coir::create_subprocess_exec({"my name", "-c", "echo $0; ps -o comm= $$ || :"},
                                                     options);
        CHECK(named.communicate().stdout_.substr(0, 8) == "my name\n");
        options = output_only();
        options.umask = 0123;
        CHECK(output_of("umask", options) == "0123\n");
        const std::vector<std::string> arguments{"printf", "%s|", "", "a b", "\xc3\xa9\n", "'\""};
        Process printf = coir::create_subprocess_exec(arguments, output_only());
        CHECK(printf.communicate().stdout_ == "|a b|\xc3\xa9\n|'\"|");
    });
}

TEST_CASE("rule 321: what cannot be asked for", "[process]") {
    FdCount fds;
    run_in_loop([] {
        const auto refused = [](std::vector<std::string> argv, ProcessOptions options = {}) {
            CHECK_THROWS_AS(coir::create_subprocess_exec(std::move(argv), std::move(options)),
                            std::invalid_argument);
        };
        const std::string nul("a\0b", 3);
        const auto with = [](auto change) {
            ProcessOptions options;
            change(options);
            return options;
        };
        refused({});
        refused({"true", nul});
        refused({nul});
        CHECK_THROWS_AS(coir::create_subprocess_shell(nul), std::invalid_argument);
        refused({"true"}, with([&](auto& o) { o.cwd = nul; }));
        refused({"true"}, with([&](auto& o) { o.executable = nul; }));
        refused({"true"}, with([&](auto& o) { o.env = {"A=" + nul}; }));
        refused({"true"}, with([&](auto& o) { o.env = {"=x"}; }));
        refused({"true"}, with([&](auto& o) { o.env = {"NAME"}; }));
        refused({"true"}, with([&](auto& o) { o.stdin_ = Stdio::fd(-1); }));
        refused({"true"}, with([&](auto& o) { o.stdout_ = Stdio::to_stdout(); }));
        refused({"true"}, with([&](auto& o) { o.pass_fds = {2}; }));
        refused({"true"}, with([&](auto& o) { o.pass_fds = {5, 5}; }));
        refused({"true"}, with([&](auto& o) { o.extra_fds = {{2, Stdio::devnull()}}; }));
        refused({"true"}, with([&](auto& o) { o.extra_fds = {{3, Stdio::pipe()}}; }));
        refused({"true"}, with([&](auto& o) { o.extra_fds = {{3, Stdio::fd(-3)}}; }));
        refused({"true"}, with([&](auto& o) { o.process_group = -1; }));
        refused({"true"}, with([&](auto& o) { o.process_group = 0, o.new_session = true; }));
        refused({"true"}, with([&](auto& o) { o.limit = 0; }));
        Process empty;
        CHECK_THROWS_AS(empty.wait(), std::logic_error);
        CHECK_THROWS_AS(empty.kill(), std::logic_error);
        CHECK_THROWS_AS(empty.pid(), std::logic_error);
        Process plain = coir::create_subprocess_exec({"true"});
        CHECK_THROWS_AS(plain.kill_group(), std::logic_error);
        CHECK_THROWS_AS(plain.stdin_(), std::logic_error);
        plain.wait();
        CHECK_FALSE(has_children());
    });
    CHECK_THROWS_AS(coir::create_subprocess_exec({"true"}), std::logic_error);
}
