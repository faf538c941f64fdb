// SPDX-License-Identifier: BSL-1.0
// An operation and its deadline come at the same moment: one of them wins, and no byte is lost.
#include "scenario.hpp"

namespace coir_scenarios {
namespace {

using Microseconds = std::chrono::microseconds;

struct Race {
    Dice dice;
    int timeouts = 0;
};

// A byte every 100 us, and a reader that is ready to wait just as long, or a moment more or less.
void race(Race& race) {
    constexpr int rounds = 25;
    auto listener = coir::Listener::listen("127.0.0.1", 0);
    auto writer = coir::create_task([&] {
        auto stream = coir::open_connection("127.0.0.1", listener.port());
        for (int i = 0; i < rounds; ++i) {
            coir::sleep(Microseconds(100));
            const char byte = static_cast<char>('a' + i);
            stream.write(std::string_view(&byte, 1));
        }
        stream.close();
    });
    auto stream = listener.accept();
    std::string received;
    bool ended = false;
    while (!ended) {
        char buffer[4];
        bool got = false;
        std::size_t size = 0;
        try {
            coir::with_timeout(Microseconds(98 + race.dice.below(5)), [&] {
                size = stream.read(buffer);
                got = true;
            });
        } catch (const coir::TimeoutError&) {
            ++race.timeouts;
        }
        if (!got) continue;
        ended = size == 0;
        received.append(buffer, size);
    }
    coir::await(writer);
    expect(received.size() == rounds, "every byte has come once");
    for (int i = 0; i < rounds; ++i) {
        expect(received[static_cast<std::size_t>(i)] == 'a' + i, "the bytes are in their order");
    }
}

void deadline_race() {
    Race all;
    coir::with_task_group([&](coir::TaskGroup& group) {
        for (int i = 0; i < 4; ++i) group.create_task([&all] { race(all); });
    });
}

void without_delays(coir::testing::SimOptions& options) {
    without_breaks(*options.faults);
    options.faults->latency = options.faults->jitter = {};
}

}  // namespace

const Scenario deadline_race_scenario = {
    "deadline_race", "reads whose deadline comes with the data", &in_loop<deadline_race>,
    &without_delays};

}  // namespace coir_scenarios
