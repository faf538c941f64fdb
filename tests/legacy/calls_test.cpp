// SPDX-License-Identifier: BSL-1.0
// What concerns every wrapper: errno, calls outside tasks, blocking regions, delivery.
#include "probes.hpp"

#include <coir/legacy.hpp>

#include <cerrno>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <poll.h>
#include <sys/wait.h>

using namespace legacy_test;

TEST_CASE("the wrappers are the ones that are called", "[legacy]") {
    // Not one that the sanitizers intercept too, and are first with.
    Dl_info info{};
    REQUIRE(::dladdr(::dlsym(RTLD_DEFAULT, "thrd_sleep"), &info) != 0);
    INFO(info.dli_fname);
    CHECK(std::string(info.dli_fname).find("libcoir-legacy") != std::string::npos);
}

TEST_CASE("errno survives a wait and is not touched by success", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        auto other = coir::create_task([&] {
            errno = 0;
            ::usleep(3000);
            char byte;
            CHECK(::read(-1, &byte, 1) == -1);
            CHECK(::write(pair.fd[1], "x", 1) == 1);
            CHECK(errno == EBADF);
        });
        errno = E2BIG;
        char byte;
        CHECK(::recv(pair.fd[0], &byte, 1, 0) == 1);
        CHECK(errno == E2BIG);
        CHECK(::usleep(1000) == 0);
        pollfd one{pair.fd[0], POLLIN, 0};
        CHECK(::poll(&one, 1, 2) == 0);
        CHECK(errno == E2BIG);
        coir::await(other);
    });
}

TEST_CASE("outside tasks everything is as without coir", "[legacy]") {
    Pair pair;
    char byte = 0;
    ssize_t written = 0;
    std::thread writer([&] {
        ::usleep(10'000);
        written = ::write(pair.fd[1], "x", 1);
    });
    CHECK(::recv(pair.fd[0], &byte, 1, 0) == 1);
    writer.join();
    CHECK(written == 1);
    CHECK(time_of([] { ::usleep(10'000); }) >= 10ms);
    const timeval limit{0, 10'000};
    REQUIRE(::setsockopt(pair.fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    ssize_t result = 0;
    do {  // libc's own: what the kernel still does for the ring of an earlier case interrupts it
        result = ::read(pair.fd[0], &byte, 1);
    } while (result == -1 && errno == EINTR);
    CHECK(result == -1);
    CHECK(errno == EAGAIN);

    const timeval none{0, 0};
    REQUIRE(::setsockopt(pair.fd[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none) == 0);
    // A callback of the loop, and a thread beside it.
    coir_test::run_in_loop([&] {
        bool called = false;
        coir::get_running_loop().call_soon([&] {
            CHECK(time_of([] { ::usleep(5000); }) >= 5ms);
            called = true;
        });
        coir::sleep(1ms);
        CHECK(called);
        ssize_t size = 0;
        std::thread thread([&] { size = ::read(pair.fd[0], &byte, 1); });
        CHECK(::write(pair.fd[1], "x", 1) == 1);
        thread.join();
        CHECK(size == 1);
    });
}

TEST_CASE("a blocking region blocks", "[legacy]") {
    coir_test::run_in_loop([] {
        int turns = 0;
        bool stop = false;
        auto other = coir::create_task([&] {
            while (!stop) {
                ++turns;
                ::usleep(100);  // not in the region: it is another task's
            }
        });
        coir::sleep(5ms);
        CHECK(turns > 0);
        {
            const coir::blocking_region region;
            CHECK(coir::blocking_region::active());
            const int before = turns;
            ::usleep(10'000);
            CHECK(turns == before);
            {
                const coir::blocking_region inner;
            }
            CHECK(coir::blocking_region::active());
            coir::sleep(5ms);  // coir's own calls suspend as ever
            CHECK(turns > before);
        }
        CHECK_FALSE(coir::blocking_region::active());
        const int before = turns;
        ::usleep(5000);
        CHECK(turns > before);
        stop = true;
        coir::await(other);
    });
}

TEST_CASE("a process that has been forked can have loops of its own", "[legacy]") {
    const pid_t child = ::fork();
    if (child == 0) {
        const auto took = time_of([] {
            coir::run([] {
                std::vector<coir::Task<int>> tasks;
                for (int i = 0; i < 20; ++i) {
                    tasks.push_back(coir::create_task([] { return ::usleep(50'000); }));
                }
                for (auto& task : tasks) coir::await(task);
            }, coir_test::options());
        });
        ::_exit(took < 800ms ? 0 : 1);  // one after another: a second
    }
    REQUIRE(child > 0);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("fortified calls reach the wrappers", "[legacy]") {
    using ReadChk = ssize_t (*)(int, void*, std::size_t, std::size_t);
    using PollChk = int (*)(pollfd*, nfds_t, int, std::size_t);
    const auto read_chk = reinterpret_cast<ReadChk>(::dlsym(RTLD_DEFAULT, "__read_chk"));
    const auto poll_chk = reinterpret_cast<PollChk>(::dlsym(RTLD_DEFAULT, "__poll_chk"));
    REQUIRE(read_chk);
    REQUIRE(poll_chk);
    coir_test::run_in_loop([&] {
        Pair pair;
        auto writer = coir::create_task([&] {
            ::usleep(3000);
            return ::write(pair.fd[1], "x", 1);
        });
        pollfd one{pair.fd[0], POLLIN, 0};
        CHECK(poll_chk(&one, 1, -1, sizeof one) == 1);
        char byte;
        CHECK(read_chk(pair.fd[0], &byte, 1, 1) == 1);
        CHECK(coir::await(writer) == 1);
    });
}
