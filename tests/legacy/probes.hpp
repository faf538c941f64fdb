// SPDX-License-Identifier: BSL-1.0
// What the probes of libcoir-legacy share. Everything they call blocking is libc's own function.
#pragma once

#include "descriptors.hpp"

#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <chrono>
#include <memory>

namespace legacy_test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

template <class F>
Clock::duration time_of(F&& f) {
    const auto start = Clock::now();
    f();
    return Clock::now() - start;
}

/// A bound on a real clock, wider under sanitizers.
inline Clock::duration at_most(Clock::duration bound) { return bound * coir_test::time_factor(); }

/// A task that counts its turns until it is stopped: it shows that the thread is not blocked.
class Turns {
public:
    Turns()
        : task_(coir::create_task([state = state_] {
              while (!state->stop) {
                  ++state->count;
                  coir::sleep(1ms);
              }
          })) {}
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;
    ~Turns() {
        state_->stop = true;
        static_cast<void>(task_.cancel());
    }
    int count() const { return state_->count; }

private:
    // The task's, too: it may be about to look when this goes.
    struct State {
        int count = 0;
        bool stop = false;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
    coir::Task<void> task_;
};

}  // namespace legacy_test
