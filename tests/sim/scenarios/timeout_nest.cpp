// SPDX-License-Identifier: BSL-1.0
// Timeouts within timeouts, some at the same moment, and a loop that stands still past some of them:
// the one that is due is the one that is reported, at its time, and nothing of a request is left.
#include "scenario.hpp"

#include <algorithm>

namespace coir_scenarios {
namespace {

using Microseconds = std::chrono::microseconds;

struct Nest {
    coir::TimePoint begin;
    std::vector<coir::TimePoint> deadlines;  // from the outside in
    std::vector<std::size_t> reported;       // which threw TimeoutError, in that order
    bool stands_still;
};

coir::TimePoint now() { return coir::get_running_loop().time(); }

// The loop does nothing meanwhile: as after a machine's sleep, or beside a long computation.
void stand_still(Microseconds time) {
    coir::testing::SimThread elsewhere("elsewhere", [time] { coir::run([time] { coir::sleep(time); }); });
    elsewhere.join();
}

void innermost(Nest& nest, Microseconds time) {
    if (nest.stands_still) {
        stand_still(time);
        coir::sleep(Microseconds(1));
    } else {
        coir::sleep(time);
    }
}

void descend(Nest& nest, std::size_t level, Microseconds time) {
    if (level == nest.deadlines.size()) return innermost(nest, time);
    try {
        coir::with_deadline(nest.deadlines[level], [&] { descend(nest, level + 1, time); });
    } catch (const coir::TimeoutError&) {
        expect(now() >= nest.deadlines[level], "nothing is reported early");
        nest.reported.push_back(level);
    }
}

// The first of those that are due first, from the outside in: equal ones are one request, and the
// outermost answers for it.
std::size_t first_due(const Nest& nest) {
    const auto first = std::min_element(nest.deadlines.begin(), nest.deadlines.end());
    return static_cast<std::size_t>(first - nest.deadlines.begin());
}

void expect_first_alone(const Nest& nest, Microseconds time) {
    const std::size_t first = first_due(nest);
    const coir::TimePoint ended = nest.begin + time;
    if (nest.deadlines[first] > ended) {
        expect(nest.reported.empty(), "who is in time is not told otherwise");
    } else if (nest.deadlines[first] < ended) {
        expect(nest.reported.size() == 1 && nest.reported[0] == first, "the one that is due is reported");
        expect(now() == nest.deadlines[first], "and at its time");
    }
}

// Several may be due at once: at least one reports.
void expect_some_due(const Nest& nest, Microseconds time) {
    const bool any = nest.deadlines[first_due(nest)] <= nest.begin + time;
    expect(nest.reported.empty() != any, "one is reported when one is due");
}

void one_nest(Dice& dice, bool stands_still) {
    Nest nest{now(), {}, {}, stands_still};
    // Few different ones, so that some are equal.
    const std::uint64_t levels = 1 + dice.below(6);
    for (std::uint64_t i = 0; i < levels; ++i) {
        nest.deadlines.push_back(nest.begin + Microseconds(10 + 10 * dice.below(6)));
    }
    const Microseconds time(5 + 10 * dice.below(8));
    descend(nest, 0, time);
    stands_still ? expect_some_due(nest, time) : expect_first_alone(nest, time);
    // Whatever is left of a request would come out here.
    coir::sleep(Microseconds(100));
}

void timeout_nest() {
    Dice dice;
    // Several at once, so that their timers and turns mix.
    coir::with_task_group([&dice](coir::TaskGroup& group) {
        for (int i = 0; i < 6; ++i) {
            group.create_task([&dice] {
                for (int k = 0; k < 12; ++k) one_nest(dice, false);
            });
        }
    });
    for (int k = 0; k < 12; ++k) one_nest(dice, true);
    expect(coir::all_tasks().size() == 1, "only the main task is left");
}

}  // namespace

const Scenario timeout_nest_scenario = {
    "timeout_nest", "timeouts within timeouts, equal ones, and a loop that stands still past some",
    &in_loop<timeout_nest>};

}  // namespace coir_scenarios
