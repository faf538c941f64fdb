// SPDX-License-Identifier: BSL-1.0
// The C API among C++: cancellation under C frames, exceptions that must not leave, one task of both.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.h>
#include <coir/coir.hpp>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include <unistd.h>

using namespace std::chrono_literals;
using coir_test::run_in_loop;

namespace {

// As a C library's function would: it waits, and hands errors on.
int c_function(int fd) {
    char byte;
    return coir_read(fd, &byte, 1) < 0 ? errno : 0;
}

struct Pipe {
    Pipe() { REQUIRE(::pipe(fds) == 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        ::close(fds[0]);
        ::close(fds[1]);
    }
    int fds[2];
};

}  // namespace

TEST_CASE("cancelled under a C frame: ECANCELED, and the next C++ suspension point throws") {
    run_in_loop([] {
        Pipe pipe;
        int first = 0;
        int second = 0;
        bool thrown = false;
        int after = -1;
        auto task = coir::create_task([&] {
            first = c_function(pipe.fds[0]);
            second = c_function(pipe.fds[0]);
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError& error) {
                thrown = error.message() == "why";
            }
            // It has been used up.
            after = coir_sleep_ns(1);
        });
        coir::sleep(1ms);
        task.cancel("why");
        coir::await(task);
        CHECK(first == ECANCELED);
        CHECK(second == ECANCELED);
        CHECK(thrown);
        CHECK(after == 0);
        CHECK(task.cancelling() == 1);
    });
}

TEST_CASE("a C++ timeout around C code ends as one") {
    run_in_loop([] {
        Pipe pipe;
        int error = 0;
        CHECK_THROWS_AS(coir::with_timeout(1ms,
                                           [&] {
                                               error = c_function(pipe.fds[0]);
                                               coir::checkpoint();
                                           }),
                        coir::TimeoutError);
        CHECK(error == ECANCELED);
        CHECK(coir_sleep_ns(1) == 0);
        // coir's own functions put back what they were thrown, too.
        CHECK_THROWS_AS(coir::with_timeout(1ms,
                                           [&] {
                                               coir_event* event = coir_event_new();
                                               error = coir_event_wait(event, -1) < 0 ? errno : 0;
                                               coir_event_free(event);
                                               coir::checkpoint();
                                           }),
                        coir::TimeoutError);
        CHECK(error == ECANCELED);
        CHECK(coir_sleep_ns(1) == 0);
    });
}

TEST_CASE("a cancellation from outside goes through coir_with_timeout") {
    run_in_loop([] {
        int error = 0;
        auto task = coir::create_task([&] {
            const int done = coir_with_timeout(
                3'600'000'000'000, [](void*) { coir_sleep_ns(3'600'000'000'000); }, nullptr);
            error = done < 0 ? errno : 0;
            coir::checkpoint();
        });
        coir::sleep(1ms);
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(error == ECANCELED);
    });
}

TEST_CASE("what has been done beats a cancellation") {
    run_in_loop([] {
        Pipe pipe;
        int result = -1;
        int next = 0;
        auto task = coir::create_task([&] {
            result = c_function(pipe.fds[0]);
            next = coir_sleep_ns(1) < 0 ? errno : 0;
        });
        coir::sleep(1ms);
        REQUIRE(::write(pipe.fds[1], "x", 1) == 1);
        coir::wait_readable(pipe.fds[0]);
        // A busy loop looks at its kernel at least once in 4,096 steps.
        for (int i = 0; i < 10'000 && result < 0; ++i) coir::yield_now();
        task.cancel();
        coir::await(task);
        CHECK(result == 0);
        CHECK((next == ECANCELED || next == 0));
    });
}

TEST_CASE("no exception leaves the C API") {
    run_in_loop([] {
        const auto throws = [](void*) { throw std::runtime_error("no"); };
        const auto cancels = [](void*) { throw coir::CancelledError(); };
        errno = 0;
        CHECK(coir_with_timeout(1'000'000'000, throws, nullptr) == -1);
        CHECK(errno == ENOTRECOVERABLE);
        CHECK(coir_to_thread(throws, nullptr) == -1);
        CHECK(errno == ENOTRECOVERABLE);
        coir_task* task = coir_spawn(throws, nullptr, nullptr);
        CHECK(coir_join(task, -1) == COIR_THREW);
        CHECK(errno == ENOTRECOVERABLE);
        task = coir_spawn(cancels, nullptr, nullptr);
        CHECK(coir_join(task, -1) == COIR_NEVER_RAN);
        // In a group it cancels the others.
        coir_group* group = coir_group_new();
        int other = 0;
        CHECK(coir_group_spawn(
                  group, [](void* arg) { *static_cast<int*>(arg) = coir_sleep_ns(3'600'000'000'000); },
                  &other, nullptr) == 0);
        CHECK(coir_yield() == 0);
        CHECK(coir_group_spawn(group, throws, nullptr, nullptr) == 0);
        CHECK(coir_group_wait(group, -1) == -1);
        CHECK(errno == ENOTRECOVERABLE);
        CHECK(other == -1);
        CHECK(coir_group_free(group) == 0);
    });
}

TEST_CASE("C functions work in tasks of C++, and values of tasks end with them") {
    run_in_loop([] {
        static int ended = 0;
        ended = 0;
        coir_local* local = coir_local_new([](void*) { ++ended; });
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 10; ++i) {
                group.create_task([local, i] {
                    int mine = i;
                    CHECK(coir_local_set(local, &mine) == 0);
                    coir::sleep(1ms);
                    CHECK(coir_local_get(local) == &mine);
                    CHECK(coir_self() != nullptr);
                });
            }
        });
        coir::yield_now();
        CHECK(ended == 10);
        CHECK(coir_local_free(local) == 0);
    });
}

TEST_CASE("objects of another loop are refused") {
    coir::EventLoop other(coir_test::options());
    auto task = other.create_task([] {});
    coir_task* handle = nullptr;
    coir_group* group = nullptr;
    other.run_until_complete([&] {
        handle = coir_spawn([](void*) { coir_sleep_ns(1'000'000); }, nullptr, nullptr);
        group = coir_group_new();
    });
    std::thread([&] {
        run_in_loop([&] {
            errno = 0;
            CHECK(coir_join(handle, -1) == -1);
            CHECK(errno == EPERM);
            CHECK(coir_cancel(handle) == -1);
            CHECK(errno == EPERM);
            CHECK(coir_group_spawn(group, [](void*) {}, nullptr, nullptr) == -1);
            CHECK(errno == EPERM);
            CHECK(coir_group_wait(group, -1) == -1);
            CHECK(errno == EPERM);
        });
    }).join();
    other.run_until_complete([&] {
        CHECK(coir_join(handle, -1) == COIR_RETURNED);
        CHECK(coir_group_free(group) == 0);
    });
    static_cast<void>(task);
}
