// SPDX-License-Identifier: BSL-1.0
// Catch2, version 2 or 3, by one name. Catch2 v2 is not thread-safe: assert on the loop's thread only.
//
// An exception out of the expression of a CHECK or REQUIRE fails the assertion, and then goes on to
// whoever catches it: a cancellation still ends its task.
#pragma once

// Assertions without a try block each: a third less to compile, and no swallowed cancellations.
#define CATCH_CONFIG_FAST_COMPILE

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#define COIR_TEST_CATCH2 3
#else
#include <catch2/catch.hpp>
#define COIR_TEST_CATCH2 2
#endif

#include <string>

namespace coir_test {

/// Notes that the running test case cannot be carried out here. Use COIR_SKIP.
void note_skip(const std::string& reason);

}  // namespace coir_test

/// Leaves the function (for a test case: the test case) and counts the case as skipped.
#define COIR_SKIP(reason)                \
    do {                                 \
        ::coir_test::note_skip(reason);  \
        return;                          \
    } while (false)
