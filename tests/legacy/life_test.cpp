// SPDX-License-Identifier: BSL-1.0
// Descriptors that end while a task waits for them.
#include "probes.hpp"

#include <cerrno>
#include <cstdio>

#include <sys/resource.h>

using namespace legacy_test;

namespace {

// What a task that reads from `fd` gets when `end()` comes; errno as the result, 0 for bytes.
template <class F>
int outcome_of_reader(int fd, F&& end) {
    int error = -1;
    auto reader = coir::create_task([&] {
        char byte;
        error = ::read(fd, &byte, 1) < 0 ? errno : 0;
    });
    ::usleep(2000);
    end();
    coir::await(reader);
    return error;
}

// A copy of `fd` with a number that the runtime's own are not above.
int high_copy(int fd) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return ::fcntl(fd, F_DUPFD, static_cast<int>(limit.rlim_cur) - 2);
}

}  // namespace

TEST_CASE("another descriptor takes the number of one that is waited for", "[legacy]") {
    coir_test::run_in_loop([] {
        PipePair waited, other;
        const int number = waited.fd[0];
        CHECK(outcome_of_reader(number, [&] { CHECK(::dup2(other.fd[0], number) == number); }) ==
              EBADF);
        CHECK(outcome_of_reader(number, [&] {
                  CHECK(::dup3(waited.fd[1], number, O_CLOEXEC) == number);
              }) == EBADF);
        // The pipe's other end now: who reads the number again gets what is there.
        PipePair third;
        REQUIRE(::dup2(third.fd[0], number) == number);
        CHECK(outcome_of_reader(number, [&] { CHECK(::write(third.fd[1], "x", 1) == 1); }) == 0);
    });
}

TEST_CASE("a dup2 that changes nothing wakes nobody", "[legacy]") {
    coir_test::run_in_loop([] {
        PipePair pipe;
        const int number = pipe.fd[0];
        CHECK(outcome_of_reader(number, [&] {
                  CHECK(::dup2(number, number) == number);
                  CHECK(::dup2(9999, number) == -1);
                  CHECK(errno == EBADF);
                  CHECK(::dup3(pipe.fd[1], number, O_APPEND) == -1);
                  CHECK(errno == EINVAL);
                  CHECK(::dup3(number, number, 0) == -1);
                  CHECK(errno == EINVAL);
                  CHECK(::close_range(static_cast<unsigned>(number), 1, 0) == -1);
                  CHECK(errno == EINVAL);
                  ::usleep(2000);
                  CHECK(::write(pipe.fd[1], "x", 1) == 1);
              }) == 0);
        CHECK(::dup2(9999, 9999) == -1);
        CHECK(errno == EBADF);
    });
}

TEST_CASE("a range of descriptors is closed", "[legacy]") {
    coir_test::run_in_loop([] {
        PipePair pipe;
        const int high = high_copy(pipe.fd[0]);
        REQUIRE(high > 0);
        CHECK(outcome_of_reader(high, [&] {
                  CHECK(::close_range(static_cast<unsigned>(high), ~0u, 0) == 0);
              }) == EBADF);
        CHECK(::fcntl(high, F_GETFD) == -1);
        REQUIRE(high_copy(pipe.fd[0]) == high);
        // Only marked, not closed.
        CHECK(outcome_of_reader(high, [&] {
                  CHECK(::close_range(static_cast<unsigned>(high), ~0u, CLOSE_RANGE_CLOEXEC) == 0);
                  ::usleep(2000);
                  CHECK(::write(pipe.fd[1], "x", 1) == 1);
              }) == 0);
        CHECK(outcome_of_reader(high, [&] { ::closefrom(high); }) == EBADF);
        CHECK(::fcntl(high, F_GETFD) == -1);
    });
}

TEST_CASE("fclose wakes who waits for its descriptor", "[legacy]") {
    coir_test::run_in_loop([] {
        PipePair pipe;
        std::FILE* file = ::fdopen(pipe.fd[0], "r");
        REQUIRE(file);
        CHECK(outcome_of_reader(pipe.fd[0], [&] { CHECK(std::fclose(file) == 0); }) == EBADF);
        pipe.fd[0] = -1;
        char text[8];
        std::FILE* memory = ::fmemopen(text, sizeof text, "w");
        REQUIRE(memory);
        CHECK(std::fclose(memory) == 0);
    });
}

TEST_CASE("descriptors end in callbacks of the loop, too", "[legacy]") {
    coir_test::run_in_loop([] {
        PipePair waited, other;
        CHECK(outcome_of_reader(waited.fd[0], [&] {
                  coir::get_running_loop().call_soon(
                      [&] { ::dup2(other.fd[0], waited.fd[0]); });
              }) == EBADF);
    });
}
