// SPDX-License-Identifier: BSL-1.0
// poll, select and epoll_wait in tasks.
#include "probes.hpp"

#include <cerrno>
#include <csignal>
#include <vector>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

using namespace legacy_test;

TEST_CASE("poll waits for several descriptors", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair a, b, c;
        std::vector<pollfd> fds = {{a.fd[0], POLLIN, 0}, {-1, POLLIN, 7}, {b.fd[0], POLLIN, 0},
                                   {b.fd[0], POLLPRI, 0}, {c.fd[0], POLLIN, 0}};
        SECTION("a few") {}
        SECTION("many") {
            for (int i = 0; i < 60; ++i) fds.push_back({a.fd[1], POLLIN, 0});
        }
        auto writer = coir::create_task([&] {
            ::usleep(10'000);
            CHECK(::write(b.fd[1], "x", 1) == 1);
        });
        const auto took = time_of(
            [&] { CHECK(::poll(fds.data(), static_cast<nfds_t>(fds.size()), 5000) == 1); });
        CHECK(took < at_most(1s));
        CHECK(fds[0].revents == 0);
        CHECK(fds[1].revents == 0);
        CHECK(fds[2].revents == POLLIN);
        CHECK(fds[3].revents == 0);
        CHECK(fds[4].revents == 0);
        coir::await(writer);
        // And again at once, level-triggered.
        CHECK(::poll(fds.data(), static_cast<nfds_t>(fds.size()), -1) == 1);
    });
}

TEST_CASE("poll finds all that is ready when it wakes", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair a, b;
        std::vector<pollfd> fds = {{a.fd[0], POLLIN, 0}, {b.fd[0], POLLIN, 0}};
        auto polling = coir::create_task([&] { return ::poll(fds.data(), 2, 5000); });
        coir::sleep(1ms);
        CHECK(::write(a.fd[1], "x", 1) == 1);
        CHECK(::write(b.fd[1], "x", 1) == 1);
        CHECK(coir::await(polling) == 2);
        CHECK(fds[0].revents == POLLIN);
        CHECK(fds[1].revents == POLLIN);
    });
}

TEST_CASE("the timeouts of poll", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        pollfd one{pair.fd[0], POLLIN, 0};
        Turns turns;
        CHECK(::poll(&one, 1, 0) == 0);
        const auto took = time_of([&] {
            CHECK(::poll(&one, 1, 30) == 0);
            const timespec limit{0, 30'000'000};
            CHECK(::ppoll(&one, 1, &limit, nullptr) == 0);
            CHECK(::poll(nullptr, 0, 30) == 0);
        });
        CHECK(took >= 90ms);
        CHECK(took < at_most(500ms));
        CHECK(turns.count() >= 2);
        const timespec bad{0, -1};
        CHECK(::ppoll(&one, 1, &bad, nullptr) == -1);
        CHECK(errno == EINVAL);
    });
}

TEST_CASE("poll reports what the kernel reports", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        SECTION("a closed peer, asked for nothing") {
            pollfd one{pair.fd[0], 0, 0};
            auto closer = coir::create_task([&] {
                ::usleep(5000);
                pair.close(1);
            });
            CHECK(::poll(&one, 1, 5000) == 1);
            CHECK(one.revents == POLLHUP);
            coir::await(closer);
        }
        SECTION("a descriptor that is none") {
            pollfd one{999, POLLIN, 0};
            CHECK(::poll(&one, 1, -1) == 1);
            CHECK(one.revents == POLLNVAL);
        }
        SECTION("a descriptor that is closed meanwhile") {
            pollfd one{pair.fd[0], POLLIN, 0};
            auto closer = coir::create_task([&] {
                ::usleep(5000);
                pair.close(0);
            });
            CHECK(::poll(&one, 1, 5000) == 1);
            CHECK(one.revents == POLLNVAL);
            coir::await(closer);
        }
        SECTION("the names of the bands") {
            pollfd one{pair.fd[0], POLLRDNORM, 0};
            auto writer = coir::create_task([&] {
                ::usleep(5000);
                return ::write(pair.fd[1], "x", 1);
            });
            CHECK(::poll(&one, 1, 5000) == 1);
            CHECK(one.revents == POLLRDNORM);
            CHECK(coir::await(writer) == 1);
        }
    });
}

TEST_CASE("many tasks wait for one descriptor, in both directions", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        std::vector<coir::Task<int>> tasks;
        for (int i = 0; i < 20; ++i) {
            tasks.push_back(coir::create_task([&] {
                pollfd one{pair.fd[0], POLLIN, 0};
                return ::poll(&one, 1, 5000);
            }));
        }
        const std::vector<char> much(200'000);
        while (::send(pair.fd[0], much.data(), much.size(), MSG_DONTWAIT) > 0) {
        }
        auto writer = coir::create_task([&] { return ::send(pair.fd[0], "x", 1, 0); });
        ::usleep(5000);
        CHECK(::write(pair.fd[1], "x", 1) == 1);
        for (auto& task : tasks) CHECK(coir::await(task) == 1);
        CHECK_FALSE(writer.done());
        std::vector<char> sink(1 << 20);
        CHECK(::recv(pair.fd[1], sink.data(), sink.size(), 0) > 0);
        CHECK(coir::await(writer) == 1);
    });
}

TEST_CASE("polling without a timeout gives way after 64 calls", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        pollfd one{pair.fd[0], POLLIN, 0};
        bool over = false;
        auto other = coir::create_task([&] { over = true; });
        int calls = 0;
        while (!over && ++calls < 1000) CHECK(::poll(&one, 1, 0) == 0);
        CHECK(over);
        CHECK(calls <= 65);
        coir::await(other);
    });
}

TEST_CASE("select and pselect", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair a, b;
        fd_set readable, exceptional;
        FD_ZERO(&readable);
        FD_ZERO(&exceptional);
        FD_SET(a.fd[0], &readable);
        FD_SET(b.fd[0], &readable);
        FD_SET(b.fd[0], &exceptional);
        const int count = std::max(a.fd[0], b.fd[0]) + 1;
        SECTION("something comes") {
            auto writer = coir::create_task([&] {
                ::usleep(10'000);
                CHECK(::write(b.fd[1], "x", 1) == 1);
            });
            timeval limit{5, 0};
            CHECK(::select(count, &readable, nullptr, &exceptional, &limit) == 1);
            CHECK_FALSE(FD_ISSET(a.fd[0], &readable));
            CHECK(FD_ISSET(b.fd[0], &readable));
            CHECK_FALSE(FD_ISSET(b.fd[0], &exceptional));
            CHECK(limit.tv_sec == 4);  // the remaining time
            coir::await(writer);
        }
        SECTION("nothing comes") {
            timeval limit{0, 30'000};
            const auto took = time_of(
                [&] { CHECK(::select(count, &readable, nullptr, &exceptional, &limit) == 0); });
            CHECK(took >= 30ms);
            CHECK_FALSE(FD_ISSET(a.fd[0], &readable));
            CHECK((limit.tv_sec == 0 && limit.tv_usec == 0));
            const timespec short_limit{0, 10'000'000};
            CHECK(::pselect(0, nullptr, nullptr, nullptr, &short_limit, nullptr) == 0);
        }
        SECTION("a hang-up is not exceptional") {
            b.close(1);
            FD_ZERO(&readable);
            timeval limit{0, 30'000};
            CHECK(::select(count, nullptr, nullptr, &exceptional, &limit) == 0);
        }
        SECTION("a bad descriptor") {
            const int bad = a.fd[0];
            a.close(0);
            timeval limit{5, 0};
            CHECK(::select(count, &readable, nullptr, nullptr, &limit) == -1);
            CHECK(errno == EBADF);
            CHECK(FD_ISSET(bad, &readable));  // untouched
        }
        SECTION("a count beyond the sets") {
            CHECK(::write(a.fd[1], "x", 1) == 1);
            CHECK(::select(1'000'000, &readable, nullptr, nullptr, nullptr) == 1);
        }
    });
}

TEST_CASE("an event loop of the program's own runs in a task", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        const int loop = ::epoll_create1(EPOLL_CLOEXEC);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = 42;
        REQUIRE(::epoll_ctl(loop, EPOLL_CTL_ADD, pair.fd[0], &event) == 0);
        epoll_event got{};
        CHECK(::epoll_wait(loop, &got, 1, 0) == 0);
        CHECK(time_of([&] { CHECK(::epoll_wait(loop, &got, 1, 20) == 0); }) >= 20ms);
        auto writer = coir::create_task([&] {
            ::usleep(5000);
            return ::write(pair.fd[1], "x", 1);
        });
        SECTION("epoll_wait") { CHECK(::epoll_wait(loop, &got, 1, -1) == 1); }
        SECTION("epoll_pwait") { CHECK(::epoll_pwait(loop, &got, 1, 5000, nullptr) == 1); }
        CHECK(got.data.u32 == 42);
        CHECK(coir::await(writer) == 1);
        CHECK(::epoll_wait(loop, &got, 0, 5) == -1);
        CHECK(errno == EINVAL);
        ::close(loop);
    });
}

namespace {
volatile std::sig_atomic_t signals_seen = 0;
}

TEST_CASE("a signal mask is in force while ppoll waits", "[legacy]") {
    coir_test::run_in_loop([] {
        sigset_t blocked, before, none;
        ::sigemptyset(&none);
        ::sigemptyset(&blocked);
        ::sigaddset(&blocked, SIGUSR1);
        struct sigaction action {};
        action.sa_handler = [](int) { signals_seen = signals_seen + 1; };
        struct sigaction old {};
        ::sigaction(SIGUSR1, &action, &old);
        ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
        ::pthread_sigmask(SIG_SETMASK, nullptr, &none);
        ::sigdelset(&none, SIGUSR1);
        signals_seen = 0;
        auto sender = coir::create_task([] {
            ::usleep(5000);
            ::pthread_kill(::pthread_self(), SIGUSR1);
        });
        const timespec limit{5, 0};
        CHECK(::ppoll(nullptr, 0, &limit, &none) == -1);
        CHECK(errno == EINTR);
        CHECK(signals_seen == 1);
        coir::await(sender);
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        ::sigaction(SIGUSR1, &old, nullptr);
    });
}
