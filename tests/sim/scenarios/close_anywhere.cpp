// SPDX-License-Identifier: BSL-1.0
// A loop is closed in the middle of a storm, after any number of turns: nothing may be left.
#include "scenario.hpp"
#include "storm.hpp"

namespace coir_scenarios {
namespace {

void close_anywhere() {
    Dice dice(coir::testing::current_seed() + 1);
    std::uint64_t turns = dice.below(400);
    std::exception_ptr failure;
    {
        coir::EventLoop loop;
        const auto task = loop.create_task([&failure] {
            try {
                echo_storm();
            } catch (const coir::CancelledError&) {
                throw;
            } catch (const coir::IoError&) {
                throw;
            } catch (...) {
                failure = std::current_exception();
            }
        });
        while (turns-- > 0 && !task.done()) loop.run_once();
        loop.close();
        expect(task.done(), "the main task has ended");
        if (!task.cancelled() && task.exception()) {
            expect(false, "nothing but the end happens to the storm");
        }
    }
    // Its checks hold to the end; a group may carry them.
    if (failure) std::rethrow_exception(failure);
}

}  // namespace

const Scenario close_anywhere_scenario = {
    "close_anywhere", "a loop is closed after any number of turns of echo_storm", &close_anywhere};

}  // namespace coir_scenarios
