// SPDX-License-Identifier: BSL-1.0
// A script of system calls, run on Linux and in a simulated world: every result must be the same.
#pragma once

#include "calls.hpp"
#include "support/catch.hpp"

#include <memory>

namespace coir_test {

/// `prepare(world)` comes before the script does in the world. The failure's message has both traces.
template <class Script, class Prepare>
void same_as_linux(Script script, Prepare prepare) {
    Calls on_linux(coir::detail::real_sys());
    script(on_linux);
    coir::testing::SimOptions options;
    options.faults.emplace();
    options.order = coir::testing::SimOrder::fifo;
    const auto world = std::make_shared<coir::detail::sim::World>(options);
    prepare(*world);
    coir::detail::sim::SimSys sys(*world);
    {
        Calls in_world(sys);
        script(in_world);
        REQUIRE(!on_linux.trace().empty());
        CHECK(in_world.trace() == on_linux.trace());
    }
    CHECK(world->descriptors.open() == 0);
}

template <class Script>
void same_as_linux(Script script) {
    same_as_linux(script, [](coir::detail::sim::World&) {});
}

}  // namespace coir_test
