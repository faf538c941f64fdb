// SPDX-License-Identifier: BSL-1.0
// The io_uring reactor on a simulated kernel: it is the real one, its seeds differ, and what it is
// not allowed to do ends the program.
#include "support/catch.hpp"

#include <coir/coir.hpp>
#include <coir/reactor.hpp>
#include <coir/testing.hpp>

#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
namespace testing = coir::testing;

namespace {

testing::SimOptions on_ring(std::uint64_t seed) {
    testing::SimOptions options;
    options.seed = seed;
    options.reactor = testing::SimReactor::io_uring;
    options.faults = testing::SimFaults{};
    return options;
}

// What `f` says on stderr before it aborts.
std::string last_words(const std::function<void()>& f) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::signal(SIGABRT, SIG_DFL);
        f();
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string text;
    char buffer[512];
    for (ssize_t size; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(size));
    }
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    return text;
}

// A reactor with a pair of sockets, of which one waits to receive.
struct Waiting {
    Waiting() : reactor(testing::detail::make_reactor()), sys(*reactor->world()) {
        reactor->attach();
        REQUIRE(sys(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, &ends[0]) == 0);
        operation.code = coir::OpCode::recv;
        operation.fd = ends[0];
        operation.buffer = buffer;
        operation.size = sizeof buffer;
        reactor->submit(operation);
        turn();
    }
    void turn() {
        reactor->wait(sys.now() + 1ms, completions);
        done = completions.take() == &operation;
    }
    void send(const char* text) { sys(SYS_sendto, ends[1], text, std::strlen(text), 0, nullptr, 0); }

    std::unique_ptr<coir::Reactor> reactor;
    coir::detail::Sys& sys;
    int ends[2] = {-1, -1};
    char buffer[16] = {};
    coir::Operation operation;
    coir::CompletionList completions;
    bool done = false;
};

}  // namespace

TEST_CASE("simulated io_uring: kernels of several ages", "[ring]") {
    std::set<std::string> kinds;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        testing::simulate(on_ring(seed), [&] {
            const auto reactor = testing::detail::make_reactor();
            const std::string details = reactor->details();
            kinds.insert(details.substr(0, details.find(", seed")));
        });
    }
    CHECK(kinds.size() >= 4);
    CHECK(kinds.begin()->find("io_uring") != std::string::npos);
}

TEST_CASE("simulated io_uring: an operation completes with what came", "[ring]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        testing::simulate(on_ring(seed), [] {
            Waiting waiting;
            CHECK_FALSE(waiting.done);
            waiting.send("hello");
            for (int i = 0; i < 5 && !waiting.done; ++i) waiting.turn();
            CHECK(waiting.done);
            CHECK(waiting.operation.result == 5);
            CHECK(std::string(waiting.buffer) == "hello");
        });
    }
}

TEST_CASE("simulated io_uring: half the seeds of a program use it", "[ring]") {
    int on_it = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        testing::SimOptions options;
        options.seed = seed;
        const auto result = testing::simulate(options, [] { coir::run([] {}); });
        CHECK(result.reactor != testing::SimReactor::drawn);
        if (result.reactor == testing::SimReactor::io_uring) ++on_it;
    }
    CHECK(on_it > 25);
    CHECK(on_it < 75);
}

TEST_CASE("simulated io_uring: touching the buffer of an operation in flight ends the program", "[ring]") {
#if !COIR_ASAN
    const std::string words = last_words([] {
        testing::simulate(on_ring(1), [] {
            Waiting waiting;
            waiting.buffer[3] = 'x';
            waiting.send("hello");
            for (int i = 0; i < 5; ++i) waiting.turn();
        });
    });
    INFO(words);
    CHECK(words.find("memory was touched that an operation in flight still uses: 'recv'") !=
          std::string::npos);
    CHECK(words.find("seed 1") != std::string::npos);
#endif
}

TEST_CASE("simulated io_uring: a number that is used again too early ends the program", "[ring]") {
    const std::string words = last_words([] {
        testing::simulate(on_ring(2), [] {
            Waiting waiting;
            coir::Operation late;
            char one[4] = {};
            late.code = coir::OpCode::recv;
            late.fd = waiting.ends[1];
            late.buffer = one;
            late.size = sizeof one;
            waiting.reactor->submit(late);
            // Nobody has told the reactor.
            waiting.sys.close(waiting.ends[1]);
            int ends[2];
            waiting.sys(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, &ends[0]);
            for (int i = 0; i < 5; ++i) waiting.turn();
        });
    });
    INFO(words);
    CHECK(words.find("a descriptor was closed, and its number used again") != std::string::npos);
}
