// SPDX-License-Identifier: BSL-1.0
// Catch2, version 2 or 3, by one name. Catch2 v2 is not thread-safe: assert on the loop's thread only.
//
// CHECK and REQUIRE catch whatever their expression throws. `CHECK(await(x) == 1)` is fine in a task
// that nobody cancels; elsewhere it swallows the cancellation: take the value first, then check it.
#pragma once

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
