// SPDX-License-Identifier: BSL-1.0
// The exceptions of error.hpp: what they derive from and what they say.
#include "support/catch.hpp"

#include <coir/error.hpp>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>

// An ordinary handler must not swallow a cancellation.
static_assert(!std::is_base_of_v<std::exception, coir::CancelledError>);
static_assert(std::is_base_of_v<std::runtime_error, coir::TaskCancelledError>);
static_assert(!std::is_base_of_v<coir::CancelledError, coir::TaskCancelledError>);
static_assert(std::is_base_of_v<std::runtime_error, coir::TimeoutError>);
static_assert(std::is_base_of_v<std::runtime_error, coir::Interrupted>);
static_assert(std::is_base_of_v<std::logic_error, coir::InvalidStateError>);
static_assert(std::is_base_of_v<std::logic_error, coir::WrongThreadError>);
static_assert(std::is_base_of_v<std::system_error, coir::IoError>);
static_assert(std::is_base_of_v<std::exception, coir::ExceptionGroup>);
// Throwing a copy must not itself throw.
static_assert(std::is_nothrow_move_constructible_v<coir::CancelledError>);

using std::string;

TEST_CASE("errors: an I/O error carries errno, operation, descriptor and detail", "[error]") {
    coir::IoError error(ECONNREFUSED, "connect", 7, "127.0.0.1:80");
    CHECK(error.code() == std::errc::connection_refused);
    CHECK(error.operation() == "connect");
    CHECK(error.fd() == 7);
    const string text = error.what();
    CHECK(text.find("connect") != string::npos);
    CHECK(text.find("7") != string::npos);
    CHECK(text.find("127.0.0.1:80") != string::npos);
    CHECK(text.find(std::system_category().message(ECONNREFUSED)) != string::npos);
    CHECK(error.transferred() == 0);
    error.set_transferred(4096);
    CHECK(error.transferred() == 4096);
}

TEST_CASE("errors: an I/O error without a descriptor does not invent one", "[error]") {
    const coir::IoError error(EMFILE, "socket");
    CHECK(error.fd() == -1);
    CHECK(string(error.what()).find("-1") == string::npos);
}

TEST_CASE("errors: a cancellation keeps its message through copies and rethrows", "[error]") {
    string seen;
    try {
        try {
            throw coir::CancelledError("shutting down");
        } catch (const std::exception&) {
            FAIL("a std::exception handler caught a cancellation");
        }
    } catch (const coir::CancelledError& error) {
        const coir::CancelledError copy = error;
        seen = copy.message();
    }
    CHECK(seen == "shutting down");
    CHECK(coir::CancelledError().message().empty());
}

TEST_CASE("errors: a cancelled task is told apart by its message", "[error]") {
    const coir::TaskCancelledError error("because");
    CHECK(error.message() == "because");
    CHECK(string(error.what()).find("because") != string::npos);
    CHECK_FALSE(string(coir::TaskCancelledError("").what()).empty());
}

TEST_CASE("errors: an interruption names its signal", "[error]") {
    CHECK(coir::Interrupted(2).signo() == 2);
    CHECK_FALSE(string(coir::Interrupted(15).what()).empty());
}

TEST_CASE("errors: a group keeps its members in order and counts them", "[error]") {
    const auto first = std::make_exception_ptr(std::runtime_error("one"));
    const auto second = std::make_exception_ptr(coir::TimeoutError("two"));
    const coir::ExceptionGroup group("two tasks failed", {first, second});
    REQUIRE(group.exceptions().size() == 2);
    CHECK(group.exceptions()[0] == first);
    CHECK(group.exceptions()[1] == second);
    const string text = group.what();
    CHECK(text.find("two tasks failed") != string::npos);
    const coir::ExceptionGroup copy = group;
    CHECK(copy.exceptions() == group.exceptions());
    CHECK(copy.what() == text);
}

TEST_CASE("errors: reads that fall short say what came and what was wanted", "[error]") {
    const coir::IncompleteReadError error("abc", 10);
    CHECK(error.partial() == "abc");
    CHECK(error.expected() == 10);
    const string text = error.what();
    CHECK(text.find("3") != string::npos);
    CHECK(text.find("10") != string::npos);
    const coir::LimitOverrunError overrun("separator not found", 512);
    CHECK(overrun.consumed() == 512);
}

TEST_CASE("errors: every plain error says something", "[error]") {
    CHECK_FALSE(string(coir::TimeoutError().what()).empty());
    CHECK_FALSE(string(coir::BrokenPromise().what()).empty());
    CHECK_FALSE(string(coir::QueueFull().what()).empty());
    CHECK_FALSE(string(coir::QueueEmpty().what()).empty());
    CHECK_FALSE(string(coir::QueueShutDown().what()).empty());
    CHECK(string(coir::InvalidStateError("x is set").what()).find("x is set") != string::npos);
    CHECK(string(coir::StackAllocError("max_map_count").what()).find("max_map_count") !=
          string::npos);
    CHECK(string(coir::DeadlockError("a waits for b").what()).find("a waits for b") !=
          string::npos);
}
