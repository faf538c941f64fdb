// SPDX-License-Identifier: BSL-1.0
// Waiting for child processes in tasks.
#include "probes.hpp"

#include <cerrno>
#include <csignal>
#include <set>
#include <vector>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

using namespace legacy_test;

namespace {

// A child that sleeps and exits with `code`, in the process group `group` when that is not -1.
pid_t start_child(int milliseconds, int code, pid_t group = -1) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (group >= 0) ::setpgid(0, group);
        const timespec time{milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
        ::nanosleep(&time, nullptr);
        ::_exit(code);
    }
    if (group >= 0) ::setpgid(pid, group);  // whichever comes first
    return pid;
}

}  // namespace

TEST_CASE("waitpid for one process waits as a task", "[legacy]") {
    coir_test::run_in_loop([] {
        Turns turns;
        std::vector<coir::Task<int>> waiters;
        const auto took = time_of([&] {
            for (int i = 0; i < 20; ++i) {
                waiters.push_back(coir::create_task([i] {
                    int status = 0;
                    const pid_t pid = start_child(150, i);
                    if (::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
                    return WEXITSTATUS(status);
                }));
            }
            for (int i = 0; i < 20; ++i) CHECK(coir::await(waiters[static_cast<size_t>(i)]) == i);
        });
        CHECK(took < at_most(2s));
        CHECK(turns.count() > 0);
    });
}

TEST_CASE("wait and its like take the status of any child, each once", "[legacy]") {
    coir_test::run_in_loop([] {
        std::set<pid_t> started, taken;
        for (int i = 0; i < 12; ++i) started.insert(start_child(10 * (i % 4), 7));
        std::vector<coir::Task<pid_t>> waiters;
        for (int i = 0; i < 12; ++i) {
            waiters.push_back(coir::create_task([i]() -> pid_t {
                int status = 0;
                rusage usage{};
                siginfo_t info{};
                pid_t pid = -1;
                if (i % 4 == 0) pid = ::wait(&status);
                if (i % 4 == 1) pid = ::waitpid(-1, &status, 0);
                if (i % 4 == 2) pid = ::wait3(&status, 0, &usage);
                if (i % 4 == 3) {
                    if (::waitid(P_ALL, 0, &info, WEXITED) != 0) return -1;
                    return info.si_code == CLD_EXITED && info.si_status == 7 ? info.si_pid : -1;
                }
                return WIFEXITED(status) && WEXITSTATUS(status) == 7 ? pid : -1;
            }));
        }
        for (auto& waiter : waiters) taken.insert(coir::await(waiter));
        CHECK(taken == started);
        CHECK(::wait(nullptr) == -1);
        CHECK(errno == ECHILD);
    });
}

TEST_CASE("a child that is started later ends a wait for any", "[legacy]") {
    coir_test::run_in_loop([] {
        const pid_t slow = start_child(10'000, 0);
        auto waiter = coir::create_task([] { return ::wait(nullptr); });
        ::usleep(5000);
        const pid_t quick = start_child(5, 0);
        CHECK(coir::await(waiter) == quick);
        ::kill(slow, SIGKILL);
        int status = 0;
        CHECK(::wait4(slow, &status, 0, nullptr) == slow);
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == SIGKILL);
    });
}

TEST_CASE("process groups are told apart", "[legacy]") {
    coir_test::run_in_loop([] {
        const pid_t first = start_child(60'000, 1, 0);
        const pid_t second = start_child(5, 2, 0);
        const pid_t third = start_child(30, 3, first);
        int status = 0;
        CHECK(::waitpid(-first, &status, 0) == third);
        CHECK(WEXITSTATUS(status) == 3);
        ::kill(first, SIGKILL);
        siginfo_t info{};
        CHECK(::waitid(P_PGID, static_cast<id_t>(first), &info, WEXITED) == 0);
        CHECK(info.si_pid == first);
        CHECK(::waitpid(0, &status, 0) == -1);  // none in this process's group
        CHECK(errno == ECHILD);
        CHECK(::waitpid(-second, &status, 0) == second);
        CHECK(WEXITSTATUS(status) == 2);
    });
}

TEST_CASE("what need not wait, and errors, are libc's", "[legacy]") {
    coir_test::run_in_loop([] {
        int status = 0;
        CHECK(::waitpid(-1, &status, 0) == -1);
        CHECK(errno == ECHILD);
        const pid_t child = start_child(20, 4);
        CHECK(::waitpid(child, &status, WNOHANG) == 0);
        siginfo_t info{};
        info.si_pid = 77;
        CHECK(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG) == 0);
        CHECK(info.si_pid == 0);
        CHECK(::waitpid(1, &status, 0) == -1);
        CHECK(errno == ECHILD);
        CHECK(::waitpid(child, &status, 0x40000) == -1);
        CHECK(errno == EINVAL);
        CHECK(::waitid(P_PID, static_cast<id_t>(child), &info, 0) == -1);
        CHECK(errno == EINVAL);
        // The status stays where it is.
        CHECK(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0);
        CHECK(info.si_status == 4);
        CHECK(::waitid(P_PID, static_cast<id_t>(child), nullptr, WEXITED) == 0);
        CHECK(::waitpid(child, &status, 0) == -1);
        CHECK(errno == ECHILD);
    });
}

TEST_CASE("stops and continuations are waited for", "[legacy]") {
    coir_test::run_in_loop([] {
        Turns turns;
        const pid_t child = start_child(10'000, 0);
        const auto soon = [child](int signo) {
            return coir::create_task([child, signo] {
                ::usleep(10'000);
                ::kill(child, signo);
            });
        };
        int status = 0;
        const auto stopper = soon(SIGSTOP);
        CHECK(::waitpid(child, &status, WUNTRACED | WCONTINUED) == child);
        CHECK((WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP));
        const auto waker = soon(SIGCONT);
        CHECK(::waitpid(child, &status, WUNTRACED | WCONTINUED) == child);
        CHECK(WIFCONTINUED(status));
        const auto killer = soon(SIGKILL);
        CHECK(::waitpid(child, &status, WUNTRACED | WCONTINUED) == child);
        CHECK(WIFSIGNALED(status));
        CHECK(turns.count() > 0);
    });
}

TEST_CASE("a pidfd is waited for", "[legacy]") {
    coir_test::run_in_loop([] {
        const pid_t child = start_child(10, 5);
        const int fd = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
        REQUIRE(fd >= 0);
        siginfo_t info{};
        CHECK(::waitid(static_cast<idtype_t>(3), static_cast<id_t>(fd), &info, WEXITED) == 0);
        CHECK(info.si_status == 5);
        ::close(fd);
    });
}

TEST_CASE("a cancelled wait takes no status", "[legacy]") {
    coir_test::run_in_loop([] {
        const pid_t child = start_child(60'000, 6);
        for (const pid_t waited : {child, pid_t{-1}}) {
            int error = 0;
            auto waiter = coir::create_task([&] {
                if (::waitpid(waited, nullptr, 0) == -1) error = errno;
            });
            ::usleep(2000);
            static_cast<void>(waiter.cancel());
            coir::await(waiter);
            CHECK(error == ECANCELED);
        }
        ::kill(child, SIGKILL);
        int status = 0;
        CHECK(::wait(&status) == child);
        CHECK(WTERMSIG(status) == SIGKILL);
    });
}
