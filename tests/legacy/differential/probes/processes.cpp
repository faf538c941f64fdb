// SPDX-License-Identifier: BSL-1.0
// Children: system, popen, the waits, fork.
#include "common.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <vector>

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

using namespace differential;

namespace {

// A child that ends after a while with this code.
pid_t child(int code, std::chrono::milliseconds after = 40ms) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    const timespec moment{0, after.count() * 1'000'000};
    ::nanosleep(&moment, nullptr);
    ::_exit(code);
}

}  // namespace

PROBE("system", "system") {
    Others others;
    say("%d", WEXITSTATUS(::system("sleep 0.05; exit 3")));
    others.say_whether_they_ran();
    const int killed = ::system("kill -9 $$");
    say("by a signal: %d", WIFSIGNALED(killed) ? WTERMSIG(killed) : 0);
    say("a shell is there: %d", ::system(nullptr) != 0);
    say("not found: %d", WEXITSTATUS(::system("/nonexistent/program 2>/dev/null")));
}

PROBE("several systems at once", "system") {
    auto run = [] { say("%d", WEXITSTATUS(::system("sleep 0.05; exit 5"))); };
    Actor a = spawn(run), b = spawn(run), c = spawn(run);
}

PROBE("system ignores the keyboard's signals meanwhile", "system") {
    Handler handler(SIGINT);
    Actor sender = spawn([] {
        pause_for(150ms);
        ::kill(::getpid(), SIGINT);
    });
    say("%d", WEXITSTATUS(::system("sleep 0.5; exit 4")));
    sender.join();
    say("handled meanwhile: %d", handler.count());
    ::kill(::getpid(), SIGINT);
    say("handled later: %d", handler.count());
}

PROBE("popen and pclose", "popen", "pclose") {
    Others others;
    std::FILE* pipe = ::popen("sleep 0.05; echo hello; exit 6", "r");
    char line[100] = "";
    say("%s", std::fgets(line, sizeof line, pipe) ? line : "nothing");
    say("%d", WEXITSTATUS(::pclose(pipe)));
    others.say_whether_they_ran();
    pipe = ::popen("cat >/dev/null; exit 2", "w");
    std::fputs("some text\n", pipe);
    say("%d", WEXITSTATUS(::pclose(pipe)));
}

PROBE("waitpid for one child", "waitpid") {
    Others others;
    const pid_t pid = child(7);
    int status = 0;
    report("not yet", ::waitpid(pid, &status, WNOHANG));
    say("%d", ::waitpid(pid, &status, 0) == pid);
    say("%d", WEXITSTATUS(status));
    others.say_whether_they_ran();
    report("again", ::waitpid(pid, &status, 0));
    report("wrong options", ::waitpid(pid, &status, 0x7000));
}

PROBE("several wait for one child each", "waitpid") {
    auto waiter = [](int code) {
        const pid_t pid = child(code, std::chrono::milliseconds(60 - code));
        int status = 0;
        const bool right = ::waitpid(pid, &status, 0) == pid;
        if (!right || WEXITSTATUS(status) != code) say("wrong");
    };
    Actor a = spawn([&] { waiter(1); }), b = spawn([&] { waiter(20); }), c = spawn([&] { waiter(40); });
    a.join();
    b.join();
    c.join();
    say("done");
}

PROBE("waiting for any child", "wait", "waitpid", "wait3", "wait4") {
    Others others;
    std::set<pid_t> pids;
    for (int i = 0; i < 4; ++i) pids.insert(child(i, std::chrono::milliseconds(50 + 80 * i)));
    int status = 0;
    rusage usage{};
    say("wait: %d", pids.erase(::wait(&status)) == 1 ? WEXITSTATUS(status) : -1);
    say("waitpid: %d", pids.erase(::waitpid(-1, &status, 0)) == 1 ? WEXITSTATUS(status) : -1);
    say("wait3: %d", pids.erase(::wait3(&status, 0, &usage)) == 1 ? WEXITSTATUS(status) : -1);
    say("wait4: %d", pids.erase(::wait4(-1, &status, 0, &usage)) == 1 ? WEXITSTATUS(status) : -1);
    others.say_whether_they_ran();
    report("none left", ::wait(&status));
    report("none left", ::waitpid(-1, &status, WNOHANG));
}

PROBE("waitid", "waitid") {
    const pid_t pid = child(9);
    siginfo_t info{};
    report("look only", ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT));
    say("%d, %d", info.si_pid == pid, info.si_status);
    info = {};
    report("take", ::waitid(P_ALL, 0, &info, WEXITED));
    say("%d, %d", info.si_pid == pid, info.si_status);
    report("none left", ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED));
    report("no options", ::waitid(P_ALL, 0, &info, 0));
}

PROBE("children that stop and go on", "waitpid") {
    const pid_t pid = child(3, 900ms);
    Actor sender = spawn([&] {
        pause_for(50ms);
        ::kill(pid, SIGSTOP);
        pause_for(100ms);
        ::kill(pid, SIGCONT);
        pause_for(100ms);
        ::kill(pid, SIGKILL);
    });
    int status = 0;
    for (int i = 0; i < 3; ++i) {
        say("%d", ::waitpid(pid, &status, WUNTRACED | WCONTINUED) == pid);
        say("stopped %d, continued %d, killed %d", WIFSTOPPED(status) != 0,
            WIFCONTINUED(status) != 0, WIFSIGNALED(status) != 0);
    }
}

PROBE("waiting for a process group", "waitpid") {
    const pid_t pid = child(4);
    ::setpgid(pid, pid);
    int status = 0;
    say("%d", ::waitpid(-pid, &status, 0) == pid);
    say("%d", WEXITSTATUS(status));
    report("none left", ::waitpid(-pid, &status, 0));
}

PROBE("a child goes on in the middle of it all", "fork", "waitpid") {
    // Other actors wait; in the child there is only the one that has forked.
    Pair pair;
    std::atomic<bool> stop{false};
    Actor sleeper = spawn([&] {
        while (!stop) {
            pause_for(2ms);
        }
    });
    const pid_t pid = ::fork();
    if (pid == 0) {
        char byte = 0;
        const ssize_t got = ::read(pair.fd[0], &byte, 1);
        const timespec moment{0, 10'000'000};
        const int slept = ::nanosleep(&moment, nullptr);
        ::_exit(got == 1 && byte == 'x' && slept == 0 ? 11 : 12);
    }
    pause_for(20ms);
    ::write(pair.fd[1], "x", 1);
    int status = 0;
    say("%d", ::waitpid(pid, &status, 0) == pid);
    say("%d", WEXITSTATUS(status));
    stop = true;
}

PROBE("posix_spawn", "waitpid") {
    pid_t pid = 0;
    char program[] = "/bin/sh";
    char option[] = "-c";
    char command[] = "sleep 0.03; exit 8";
    char* arguments[] = {program, option, command, nullptr};
    char* environment[] = {nullptr};
    report_error("spawn", ::posix_spawn(&pid, program, nullptr, nullptr, arguments, environment));
    int status = 0;
    say("%d", ::waitpid(pid, &status, 0) == pid);
    say("%d", WEXITSTATUS(status));
    report_error("none", ::posix_spawn(&pid, "/nonexistent", nullptr, nullptr, arguments, environment));
}

PROBE("SIGCHLD ignored: nothing to wait for", "waitpid", "wait") {
    std::signal(SIGCHLD, SIG_IGN);
    Stopwatch watch;
    const pid_t pid = child(1);
    int status = 0;
    report("waitpid", ::waitpid(pid, &status, 0));
    watch.expect("when it has ended", 40ms);
}
