// SPDX-License-Identifier: BSL-1.0
// Signal handlers and the calls of tasks that they interrupt.
#include "probes.hpp"

#include <cerrno>
#include <csignal>
#include <thread>
#include <vector>

using namespace legacy_test;

namespace {

volatile std::sig_atomic_t handled = 0;

void count(int) { handled = handled + 1; }
void count_with_info(int, siginfo_t* info, void*) { handled = handled + (info ? 1 : 100); }

// A handler for SIGUSR1, until its end.
struct Installed {
    explicit Installed(int flags) {
        handled = 0;
        struct sigaction action {};
        action.sa_handler = count;
        action.sa_flags = flags;
        ::sigaction(SIGUSR1, &action, &before);
    }
    Installed(const Installed&) = delete;
    Installed& operator=(const Installed&) = delete;
    ~Installed() { ::sigaction(SIGUSR1, &before, nullptr); }
    struct sigaction before {};
};

void raise_here() { ::pthread_kill(::pthread_self(), SIGUSR1); }

}  // namespace

TEST_CASE("what is installed is what was installed", "[legacy]") {
    struct sigaction action {}, found {}, before {};
    ::sigaction(SIGUSR1, nullptr, &before);
    for (const int flags : {0, SA_RESTART, SA_NODEFER | SA_ONSTACK}) {
        action.sa_handler = count;
        action.sa_flags = flags;
        CHECK(::sigaction(SIGUSR1, &action, nullptr) == 0);
        CHECK(::sigaction(SIGUSR1, nullptr, &found) == 0);
        CHECK(found.sa_handler == count);
        CHECK((found.sa_flags & (SA_RESTART | SA_NODEFER | SA_ONSTACK | SA_SIGINFO)) == flags);
    }
    CHECK(::signal(SIGUSR1, SIG_IGN) == count);
    CHECK(::signal(SIGUSR1, count) == SIG_IGN);
    action.sa_sigaction = count_with_info;
    action.sa_flags = SA_SIGINFO;
    CHECK(::sigaction(SIGUSR1, &action, &found) == 0);
    CHECK(found.sa_handler == count);
    handled = 0;
    raise_here();
    CHECK(handled == 1);
    CHECK(::sigaction(SIGUSR1, &before, &found) == 0);
    CHECK(found.sa_sigaction == count_with_info);
    CHECK(::sigaction(SIGKILL, &action, nullptr) == -1);
    CHECK(errno == EINVAL);
}

TEST_CASE("a handler ends one pause", "[legacy]") {
    Installed handler(SA_RESTART);
    coir_test::run_in_loop([] {
        Turns turns;
        std::vector<coir::Task<int>> pausing;
        for (int i = 0; i < 3; ++i) {
            pausing.push_back(coir::create_task([] { return ::pause() == -1 ? errno : 0; }));
        }
        for (std::size_t i = 0; i < 3; ++i) {
            ::usleep(5000);
            CHECK_FALSE(pausing[i].done());
            raise_here();
            CHECK(coir::await(pausing[i]) == EINTR);
        }
        CHECK(handled == 3);
        int error = 0;
        auto cancelled = coir::create_task([&] { error = ::pause() == -1 ? errno : 0; });
        ::usleep(2000);
        static_cast<void>(cancelled.cancel());
        coir::await(cancelled);
        CHECK(error == ECANCELED);
    });
}

TEST_CASE("a handler interrupts one call, and not those that restart", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair first, second;
        const auto read_from = [](int fd) {
            char byte;
            return ::read(fd, &byte, 1) == -1 ? errno : 0;
        };
        {
            Installed restarting(SA_RESTART);
            auto reader = coir::create_task([&] { return read_from(first.fd[0]); });
            coir::sleep(2ms);
            raise_here();
            coir::sleep(5ms);
            CHECK(handled == 1);
            CHECK_FALSE(reader.done());
            CHECK(::write(first.fd[1], "x", 1) == 1);
            CHECK(coir::await(reader) == 0);
        }
        Installed handler(0);
        auto older = coir::create_task([&] { return read_from(first.fd[0]); });
        coir::sleep(1ms);
        auto newer = coir::create_task([&] { return read_from(second.fd[0]); });
        coir::sleep(2ms);
        raise_here();
        CHECK(coir::await(older) == EINTR);
        coir::sleep(5ms);
        CHECK_FALSE(newer.done());
        CHECK(::write(second.fd[1], "x", 1) == 1);
        CHECK(coir::await(newer) == 0);
    });
}

TEST_CASE("a handler of another thread interrupts nobody here", "[legacy]") {
    Installed handler(0);
    coir_test::run_in_loop([] {
        int error = -1;
        auto sleeper = coir::create_task([&] {
            const timespec time{0, 30'000'000};
            error = ::nanosleep(&time, nullptr) == -1 ? errno : 0;
        });
        coir::sleep(2ms);
        std::thread([] { raise_here(); }).join();
        coir::await(sleeper);
        CHECK(handled == 1);
        CHECK(error == 0);
    });
}

TEST_CASE("what came before a pause does not end it", "[legacy]") {
    Installed handler(0);
    coir_test::run_in_loop([] {
        raise_here();
        auto pausing = coir::create_task([] { return ::pause() == -1 ? errno : 0; });
        coir::sleep(5ms);
        CHECK_FALSE(pausing.done());
        raise_here();
        CHECK(coir::await(pausing) == EINTR);
    });
}

TEST_CASE("what came in the last turn of a loop ends nothing in the next loop", "[legacy]") {
    Installed handler(SA_RESTART);
    for (int i = 0; i < 3; ++i) {
        coir_test::run_in_loop([] {
            // The second still waits, as far as a handler can see, when the first goes on.
            const auto sleep_and_raise = [] {
                ::usleep(1000);
                raise_here();
            };
            const auto sleep = [] { ::usleep(1000); };
            coir::gather(sleep_and_raise, sleep);
        });
    }
    coir_test::run_in_loop([] {
        const auto pause = [] { return ::pause() == -1 ? errno : 0; };
        auto first = coir::create_task(pause);
        auto second = coir::create_task(pause);
        coir::sleep(2ms);
        raise_here();
        CHECK(coir::await(first) == EINTR);
        coir::sleep(2ms);
        CHECK_FALSE(second.done());
        raise_here();
        CHECK(coir::await(second) == EINTR);
    });
}

TEST_CASE("handlers do not suspend the task that they interrupt", "[legacy]") {
    struct sigaction action {}, before {};
    action.sa_handler = [](int) {
        const timespec time{0, 20'000'000};
        ::nanosleep(&time, nullptr);
        for (int i = 0; i < 200; ++i) ::sched_yield();
        handled = handled + 1;
    };
    ::sigaction(SIGUSR1, &action, &before);
    handled = 0;
    coir_test::run_in_loop([] {
        Turns turns;
        coir::sleep(2ms);
        const int turns_before = turns.count();
        raise_here();
        CHECK(handled == 1);
        CHECK(turns.count() == turns_before);
    });
    ::sigaction(SIGUSR1, &before, nullptr);
}
