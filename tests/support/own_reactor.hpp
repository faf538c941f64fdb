// SPDX-License-Identifier: BSL-1.0
// The example of a reactor of one's own must be as good as the built-in ones: a program that
// includes this knows it as "select". To test another one, register it in the same way in a file of
// its own, add that to the conformance and net tests, and run them with COIR_TEST_REACTOR set.
#pragma once

#include "examples/select_reactor.hpp"

#include <memory>

namespace coir_test {

/// Registered before main(), which asks whether the reactor under test is there.
inline const bool select_is_registered = [] {
    coir::register_reactor({"select", -1, [] { return coir::Verdict{true, "select(2)", ""}; },
                            [](const coir::ReactorOptions&) {
                                return std::unique_ptr<coir::Reactor>(new SelectReactor);
                            }});
    return true;
}();

}  // namespace coir_test
