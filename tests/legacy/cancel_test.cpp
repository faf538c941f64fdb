// SPDX-License-Identifier: BSL-1.0
// Cancellation under C frames: -1 with ECANCELED, and CancelledError at the next point in C++.
#include "probes.hpp"

#include <cerrno>
#include <functional>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

using namespace legacy_test;

namespace {

// Starts `call` in a task, cancels the task while the call waits, and checks how both end.
void cancelled_in(const char* name, const std::function<long()>& call, long expected = -1) {
    INFO("in " << name);
    long result = 0;
    int error = 0;
    bool thrown = false;
    auto task = coir::create_task([&] {
        result = call();
        error = errno;
        try {
            coir::checkpoint();
        } catch (const coir::CancelledError& cancelled) {
            thrown = cancelled.message() == "enough";
            throw;
        }
    });
    ::usleep(3000);
    REQUIRE_FALSE(task.done());
    CHECK(task.cancel("enough"));
    CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
    CHECK(result == expected);
    CHECK(error == ECANCELED);
    CHECK(thrown);
}

}  // namespace

TEST_CASE("a cancelled task leaves its blocking call with ECANCELED", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        PipePair pipe;
        Listening listening;
        REQUIRE(listening.ok);
        char byte = 0;
        cancelled_in("recv", [&] { return ::recv(pair.fd[0], &byte, 1, 0); });
        cancelled_in("read", [&] { return ::read(pipe.fd[0], &byte, 1); });
        cancelled_in("accept", [&] { return ::accept(listening.fd, nullptr, nullptr); });
        cancelled_in("poll", [&] {
            pollfd fds[] = {{pair.fd[0], POLLIN, 0}, {pipe.fd[0], POLLIN, 0}};
            return ::poll(fds, 2, -1);
        });
        cancelled_in("select", [&] {
            fd_set readable;
            FD_ZERO(&readable);
            FD_SET(pair.fd[0], &readable);
            return ::select(pair.fd[0] + 1, &readable, nullptr, nullptr, nullptr);
        });
        cancelled_in("usleep", [] { return ::usleep(5'000'000); });
        cancelled_in("nanosleep", [] {
            const timespec duration{5, 0};
            timespec left{};
            const int result = ::nanosleep(&duration, &left);
            return left.tv_sec == 4 ? result : -100;
        });
        cancelled_in("sleep", [] { return static_cast<long>(::sleep(5)); }, 5);
        // Nothing is left behind: the descriptors work as before.
        CHECK(::write(pair.fd[1], "x", 1) == 1);
        CHECK(::recv(pair.fd[0], &byte, 1, 0) == 1);
        CHECK(::write(pipe.fd[1], "y", 1) == 1);
        CHECK(::read(pipe.fd[0], &byte, 1) == 1);
        CHECK(byte == 'y');
    });
}

TEST_CASE("a request stays pending however many calls see it", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        std::vector<int> errors;
        bool read_data = false;
        auto task = coir::create_task([&] {
            char byte;
            for (int i = 0; i < 3; ++i) {
                static_cast<void>(::recv(pair.fd[0], &byte, 1, 0));
                errors.push_back(errno);
            }
            // What needs no waiting is done: a result beats the request.
            read_data = ::write(pair.fd[1], "x", 1) == 1 && ::recv(pair.fd[0], &byte, 1, 0) == 1;
            coir::sleep(1h);
        });
        ::usleep(2000);
        static_cast<void>(task.cancel());
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(errors == std::vector<int>{ECANCELED, ECANCELED, ECANCELED});
        CHECK(read_data);
    });
}

TEST_CASE("data that came with the request is not lost", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        long result = 0;
        auto task = coir::create_task([&] {
            pollfd one{pair.fd[0], POLLIN, 0};
            result = ::poll(&one, 1, -1);
        });
        ::usleep(2000);
        CHECK(::write(pair.fd[1], "x", 1) == 1);
        static_cast<void>(task.cancel());
        coir::await(task);
        CHECK(result == 1);
    });
}

TEST_CASE("a masked request waits", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        long result = 0;
        auto task = coir::create_task([&] {
            coir::no_cancel([&] {
                char byte;
                result = ::recv(pair.fd[0], &byte, 1, 0);
            });
        });
        ::usleep(2000);
        static_cast<void>(task.cancel());
        ::usleep(2000);
        CHECK_FALSE(task.done());
        CHECK(::write(pair.fd[1], "x", 1) == 1);
        coir::await(task);
        CHECK(result == 1);
    });
}

TEST_CASE("a deadline of C++ ends a wait in C", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        const auto took = time_of([&] {
            CHECK_THROWS_AS(coir::with_timeout(30ms,
                                               [&] {
                                                   char byte;
                                                   static_cast<void>(
                                                       ::recv(pair.fd[0], &byte, 1, 0));
                                                   coir::checkpoint();
                                               }),
                            coir::TimeoutError);
        });
        CHECK(took < at_most(500ms));
    });
}
