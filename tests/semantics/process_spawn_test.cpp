// SPDX-License-Identifier: BSL-1.0
// How subprocesses are started, and what becomes of them: rules 313 and 354, decision D28.
#include "processes.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
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
using coir_test::start;

TEST_CASE("rule 354, B80: descriptors: extra ones, passed ones, and no others", "[process]") {
    run_in_loop([] {
        int pair[2];
        REQUIRE(::pipe(pair) == 0);  // not close-on-exec: it must not get into the child all the same
        ProcessOptions options = output_only();
        CHECK(output_of("ls /proc/self/fd | tr '\\n' ' '", options) == "0 1 2 3 ");
        options.extra_fds = {{7, Stdio::fd(pair[1])}, {3, Stdio::devnull()}};
        CHECK(output_of("echo hello >&7; cat <&3; echo done", options) == "done\n");
        char buffer[16] = {};
        CHECK(::read(pair[0], buffer, sizeof buffer) == 6);
        // Numbers that cross over: 1 to what 2 leads to, and a source that is itself a target.
        options = output_only();
        options.pass_fds = {pair[1]};
        options.extra_fds = {{pair[0], Stdio::fd(pair[1])}};
        CHECK(output_of("echo a >&" + std::to_string(pair[0]) + "; echo b >&" +
                            std::to_string(pair[1]),
                        options)
                  .empty());
        CHECK(::read(pair[0], buffer, sizeof buffer) >= 2);
        ::close(pair[0]);
        ::close(pair[1]);
    });
}

TEST_CASE("rule 354: a program whose own standard descriptors are closed", "[process]") {
    const int saved = ::fcntl(0, F_DUPFD_CLOEXEC, 10);
    ::close(0);
    {
        run_in_loop([] {
            ProcessOptions options = piped();
            Process process = coir::create_subprocess_exec({"cat"}, options);
            CHECK(process.communicate("through").stdout_ == "through");
            // Inherited means closed, then, whatever coir has opened under that number.
            options.stdin_ = Stdio::inherit();
            Process closed = coir::create_subprocess_shell("test -e /proc/self/fd/0", options);
            CHECK_FALSE(closed.communicate().status.ok());
        });
    }
    ::dup2(saved, 0);
    ::close(saved);
}

TEST_CASE("rule 310: the standard streams are pipes, which a program may open by name", "[process]") {
    run_in_loop([] {
        Process process = coir::create_subprocess_shell("cat /dev/stdin >/dev/stdout", piped());
        const coir::ProcessOutput output = process.communicate("through");
        CHECK(output.stdout_ == "through");
        CHECK(output.status.ok());
    });
}

TEST_CASE("rule 354: a new session, a process group, and killing all of it", "[process]") {
    run_in_loop([] {
        for (const bool session : {true, false}) {
            ProcessOptions options = piped();
            if (session) {
                options.new_session = true;
            } else {
                options.process_group = 0;
            }
            Process process = coir::create_subprocess_shell("cat & cat & echo ready; wait", options);
            CHECK(process.stdout_().readline() == "ready\n");
            CHECK(::getpgid(process.pid()) == process.pid());
            CHECK((::getsid(process.pid()) == process.pid()) == session);
            CHECK(process.kill_group());
            CHECK(process.wait().signal() == SIGKILL);
            CHECK(process.stdout_().read_all().empty());  // nobody holds it any more
        }
    });
}

namespace {

/// The signals of one line of /proc/self/status. Whoever started the tests may ignore some too.
std::set<int> signal_mask(const std::string& status, const std::string& name) {
    const std::size_t line = status.find(name + ":\t");
    if (line == std::string::npos) {
        return {};
    }
    const std::uint64_t bits = std::stoull(status.substr(line + name.size() + 2, 16), nullptr, 16);
    std::set<int> signals;
    for (int number = 1; number <= 64; ++number) {
        if ((bits >> (number - 1) & 1) != 0) {
            signals.insert(number);
        }
    }
    return signals;
}

}  // namespace

TEST_CASE("rule 354, D21: the child has default signals and nothing blocked", "[process]") {
    std::signal(SIGUSR1, SIG_IGN);
    sigset_t blocked, before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR2);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    run_in_loop([] {
        coir::SignalStream stream({SIGHUP});
        const std::string show = "exec cat /proc/self/status";
        ProcessOptions options = output_only();
        const std::string fresh = output_of(show, options);
        for (const char* set : {"SigBlk", "SigIgn", "SigCgt"}) {
            CHECK(fresh.find(std::string(set) + ":\t0000000000000000\n") != std::string::npos);
        }
        options.restore_signals = false;
        const std::string kept = output_of(show, options);
        CHECK(signal_mask(kept, "SigBlk").count(SIGUSR2) == 1);
        CHECK(signal_mask(kept, "SigIgn").count(SIGUSR1) == 1);
    });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    std::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("rule 354: no descriptors left: nothing is left behind", "[process]") {
    FdCount fds;
    run_in_loop([] {
        start({"true"});  // what the loop opens once is open now
        rlimit before{};
        ::getrlimit(RLIMIT_NOFILE, &before);
        int failures = 0;
        const int lowest = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
        ::close(lowest);
        for (int room = 0; room < 12; ++room) {
            rlimit tight = before;
            tight.rlim_cur = static_cast<rlim_t>(lowest + room);
            ::setrlimit(RLIMIT_NOFILE, &tight);
            const int error = error_of([] { start({"true"}, piped()); });
            ::setrlimit(RLIMIT_NOFILE, &before);
            if (error != 0) {
                CHECK(error == EMFILE);
                ++failures;
            }
            CHECK_FALSE(has_children());
        }
        CHECK(failures >= 3);
        CHECK(failures < 12);
    });
}

TEST_CASE("D28: a child whose loop's thread ends is killed, when it was asked for", "[process]") {
    int answer[2];
    REQUIRE(::pipe2(answer, O_CLOEXEC) == 0);
    // The loop's thread of another process ends, without a chance to do anything.
    const pid_t other = ::fork();
    if (other == 0) {
        coir::run(
            [&] {
                ProcessOptions options;
                options.kill_on_parent_death = true;
                options.stdin_ = options.stdout_ = Stdio::devnull();
                options.pass_fds = {answer[1]};
                static Process process = coir::create_subprocess_exec({"sleep", "60"}, options);
                ::kill(::getpid(), SIGKILL);
            },
            coir_test::options());
    }
    ::close(answer[1]);
    char byte;
    CHECK(::read(answer[0], &byte, 1) == 0);  // the last holder is gone
    ::waitpid(other, nullptr, 0);
    ::close(answer[0]);
}

TEST_CASE("D28, B81: a status that somebody else has taken is unknown, 255, and said", "[process]") {
    coir_test::LogCapture lines;
    run_in_loop([] {
        Process process = coir::create_subprocess_shell("exit 3");
        while (::waitpid(process.pid(), nullptr, 0) < 0 && errno == EINTR) {
        }
        const coir::ExitStatus status = process.wait();
        CHECK(status.code() == 255);
        CHECK(status.signal() == 0);
        CHECK_FALSE(status.known());
        CHECK_FALSE(status.ok());
        CHECK(process.wait() == status);
        CHECK_FALSE(process.kill());
    });
    CHECK(lines.count("its status is unknown") == 1);
}

TEST_CASE("rule 313, B81: a thousand children that end at once", "[process]") {
    FdCount fds;
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit roomy = before;
    roomy.rlim_cur = std::min<rlim_t>(before.rlim_max, 4096);
    ::setrlimit(RLIMIT_NOFILE, &roomy);
    // select() knows 1,024 descriptors, and under a sanitizer each child takes its time.
    const bool few = coir_test::time_factor() != 1 || coir_test::reactor() == "select";
    const int children = few ? 100 : 1000;
    run_in_loop([children] {
        int gate[2];
        REQUIRE(::pipe2(gate, O_CLOEXEC) == 0);
        ProcessOptions options;
        options.stdin_ = Stdio::fd(gate[0]);
        std::vector<Process> processes(static_cast<std::size_t>(children));
        std::vector<coir::Task<int>> waiters;
        for (Process& process : processes) {
            process = coir::create_subprocess_exec({"/bin/cat"}, options);
        }
        for (Process& process : processes) {
            waiters.push_back(coir::create_task([&] { return process.wait().code(); }));
        }
        coir::yield_now();
        ::close(gate[0]);
        ::close(gate[1]);
        for (auto& waiter : waiters) CHECK(coir::await(waiter) == 0);
    });
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK_FALSE(has_children());
}
