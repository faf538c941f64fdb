// SPDX-License-Identifier: BSL-1.0
// system and popen in tasks.
#include "probes.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>

using namespace legacy_test;

namespace {

// As it is without tasks.
template <class F>
auto natively(F f) {
    decltype(f()) result{};
    std::thread([&] { result = f(); }).join();
    return result;
}

std::string all_of(std::FILE* file) {
    std::string text;
    char line[256];
    while (std::fgets(line, sizeof line, file)) text += line;
    return text;
}

}  // namespace

TEST_CASE("commands run at the same time", "[legacy]") {
    coir_test::run_in_loop([] {
        std::vector<coir::Task<int>> commands;
        const auto took = time_of([&] {
            for (int i = 0; i < 10; ++i) {
                commands.push_back(coir::create_task([i] {
                    return ::system(("sleep 0.3; exit " + std::to_string(i)).c_str());
                }));
            }
            for (int i = 0; i < 10; ++i) {
                const int status = coir::await(commands[static_cast<size_t>(i)]);
                CHECK((WIFEXITED(status) && WEXITSTATUS(status) == i));
            }
        });
        CHECK(took < at_most(2s));
    });
}

TEST_CASE("system returns what it returns without tasks", "[legacy]") {
    const auto everything = [] {
        std::vector<int> results;
        results.push_back(::system(nullptr));
        results.push_back(::system("exit 3"));
        results.push_back(::system("kill -TERM $$"));
        results.push_back(::system("no-such-command 2>/dev/null"));
        // The command has the program's own signals.
        results.push_back(::system("kill -INT $$; exit 9"));
        return results;
    };
    const auto expected = natively(everything);
    std::vector<int> results;
    coir_test::run_in_loop([&] { results = everything(); });
    CHECK(results == expected);
}

TEST_CASE("SIGINT is ignored and SIGCHLD held while a command runs, and not afterwards", "[legacy]") {
    static volatile std::sig_atomic_t interrupted = 0;
    static volatile std::sig_atomic_t children = 0;
    struct sigaction before_int {}, before_chld {}, action {};
    action.sa_handler = [](int signo) {
        if (signo == SIGINT) interrupted = interrupted + 1;
        if (signo == SIGCHLD) {
            children = children + 1;
            while (::waitpid(-1, nullptr, WNOHANG) > 0) {
            }
        }
    };
    coir_test::run_in_loop([&] {
        ::sigaction(SIGINT, &action, &before_int);
        ::sigaction(SIGCHLD, &action, &before_chld);
        auto first = coir::create_task([] { return ::system("sleep 0.2; exit 1"); });
        auto second = coir::create_task([] { return ::system("sleep 0.4; exit 2"); });
        ::usleep(20'000);
        ::kill(::getpid(), SIGINT);
        CHECK(WEXITSTATUS(coir::await(first)) == 1);
        ::kill(::getpid(), SIGINT);
        CHECK(WEXITSTATUS(coir::await(second)) == 2);
        CHECK(interrupted == 0);
        struct sigaction now {};
        ::sigaction(SIGINT, nullptr, &now);
        CHECK(now.sa_handler == action.sa_handler);
        sigset_t mask;
        ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        CHECK(::sigismember(&mask, SIGCHLD) == 0);
        ::sigaction(SIGINT, &before_int, nullptr);
        ::sigaction(SIGCHLD, &before_chld, nullptr);
    });
}

TEST_CASE("a cancelled system() kills its command", "[legacy]") {
    coir_test::run_in_loop([] {
        int error = 0;
        auto task = coir::create_task([&] {
            if (::system("exec sleep 20") == -1) error = errno;
        });
        ::usleep(20'000);
        const auto took = time_of([&] {
            static_cast<void>(task.cancel());
            coir::await(task);
        });
        CHECK(took < at_most(2s));
        CHECK(error == ECANCELED);
        CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
    });
}

TEST_CASE("commands are read from at the same time", "[legacy]") {
    coir_test::run_in_loop([] {
        std::vector<coir::Task<std::string>> readers;
        const auto took = time_of([&] {
            for (int i = 0; i < 10; ++i) {
                readers.push_back(coir::create_task([i] {
                    const std::string number = std::to_string(i);
                    std::FILE* file =
                        ::popen(("echo a" + number + "; sleep 0.3; echo b; exit " + number).c_str(), "r");
                    if (!file) return std::string("no file");
                    std::string text = ::fileno(file) > 2 ? "" : "no descriptor ";
                    text += all_of(file);
                    return text + std::to_string(WEXITSTATUS(::pclose(file)));
                }));
            }
            for (int i = 0; i < 10; ++i) {
                const std::string number = std::to_string(i);
                CHECK(coir::await(readers[static_cast<size_t>(i)]) == "a" + number + "\nb\n" + number);
            }
        });
        CHECK(took < at_most(2s));
    });
}

TEST_CASE("commands are written to", "[legacy]") {
    coir_test::run_in_loop([] {
        PipePair pipe;
        // More than the pipe takes, and the command does not read at once.
        const std::string command =
            "sleep 0.05; wc -c >&" + std::to_string(pipe.fd[1]) + "; exit 4";
        Turns turns;
        std::FILE* file = ::popen(command.c_str(), "w");
        REQUIRE(file);
        const std::string text(300'000, 'x');
        CHECK(std::fwrite(text.data(), 1, text.size(), file) == text.size());
        CHECK(turns.count() > 0);
        CHECK(WEXITSTATUS(::pclose(file)) == 4);
        char answer[32] = {};
        CHECK(::read(pipe.fd[0], answer, sizeof answer - 1) > 0);
        CHECK(std::atoi(answer) == 300'000);
    });
}

TEST_CASE("popen fails as it does without tasks, and files may be closed elsewhere", "[legacy]") {
    std::FILE* file = nullptr;
    coir_test::run_in_loop([&] {
        CHECK(::popen("true", "rw") == nullptr);
        CHECK(errno == EINVAL);
        CHECK(::popen("true", "x") == nullptr);
        CHECK(errno == EINVAL);
        file = ::popen("exit 5", "re");
        REQUIRE(file);
        CHECK(::fcntl(::fileno(file), F_GETFD) == FD_CLOEXEC);
    });
    CHECK(natively([&] { return WEXITSTATUS(::pclose(file)); }) == 5);
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}
