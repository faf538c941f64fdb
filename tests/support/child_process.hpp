// SPDX-License-Identifier: BSL-1.0
// A part of a test that may die: in a process of its own.
#pragma once

#include "support/catch.hpp"

#include <csignal>
#include <string>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// ThreadSanitizer does not go on in the child of a process with several threads.
#define COIR_NEEDS_FORK() \
    if (COIR_TSAN) COIR_SKIP("ThreadSanitizer is not for forks")

namespace coir_test {

/// What became of a child process: its wait status, and what it wrote to stderr.
struct Ended {
    int status = 0;
    std::string errors;

    bool exited_with(int code) const { return WIFEXITED(status) && WEXITSTATUS(status) == code; }
    bool died_by(int signal) const { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
};

/// Runs `f()` in a forked child; 0 is its exit code when it returns, 9 when it throws. A child that
/// takes longer than a minute is killed by SIGALRM.
template <class F>
Ended in_child(F&& f) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
        rlimit no_core{0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);
        // Catch2 handles these; a program has the default.
        for (const int fatal : {SIGSEGV, SIGABRT, SIGALRM}) std::signal(fatal, SIG_DFL);
        ::alarm(60);
        try {
            f();
        } catch (...) {
            ::_exit(9);  // or this process would go on with the rest of the tests
        }
        ::_exit(0);
    }
    ::close(ends[1]);
    Ended ended;
    char buffer[512];
    for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
        ended.errors.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    REQUIRE(::waitpid(child, &ended.status, 0) == child);
    return ended;
}

}  // namespace coir_test
