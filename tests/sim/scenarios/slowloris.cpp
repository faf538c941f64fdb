// SPDX-License-Identifier: BSL-1.0
// Fifty slow clients that never finish their requests, and five good ones, which must not notice.
#include "scenario.hpp"

#include <algorithm>

namespace coir_scenarios {
namespace {

using namespace std::chrono_literals;

constexpr int slow_clients = 50;
constexpr int good_clients = 5;
constexpr int requests = 4;

void serve_lines(coir::Stream& stream) {
    try {
        while (const auto line = coir::with_timeout(10s, [&] { return stream.readline(); })) {
            stream.write("served " + *line);
        }
    } catch (const coir::TimeoutError&) {
        stream.abort();
    } catch (const coir::IoError&) {
    }
}

// A byte now and then, and never a line.
void dawdle(Dice& dice, int port) {
    try {
        auto stream = coir::open_connection("127.0.0.1", port);
        for (int i = 0; i < 40; ++i) {
            stream.write("x");
            coir::sleep(std::chrono::milliseconds(200 + dice.below(300)));
        }
    } catch (const coir::IoError&) {
        // Its time was up.
    }
}

void be_good(int port, int name, coir::Nanoseconds limit) {
    auto stream = coir::open_connection("127.0.0.1", port);
    for (int i = 0; i < requests; ++i) {
        const auto began = coir::get_running_loop().time();
        const std::string line = std::to_string(name) + "/" + std::to_string(i) + "\n";
        stream.write(line);
        const auto answer = stream.readline();
        expect(answer && *answer == "served " + line, "a good client is served");
        expect(coir::get_running_loop().time() - began <= limit, "in its usual time");
        coir::sleep(500ms);
    }
    stream.close();
}

void slowloris() {
    Dice dice;
    const auto& faults = coir::testing::current_faults();
    // There and back, in several pieces, the slowest of each, and what a kernel keeps back.
    const coir::Nanoseconds limit = 20 * (faults.latency + 8 * faults.jitter) + 100ms;
    auto server = coir::start_server([](coir::Stream& stream) { serve_lines(stream); }, "127.0.0.1", 0);
    const int port = server.port();
    coir::with_task_group([&](coir::TaskGroup& group) {
        for (int i = 0; i < slow_clients; ++i) group.create_task([&] { dawdle(dice, port); });
        for (int i = 0; i < good_clients; ++i) {
            group.create_task([port, i, limit] { be_good(port, i, limit); });
        }
    });
    server.close();
    server.wait_closed();
}

// Links that break, and lines that are shared, are other scenarios.
void with_whole_transfers(coir::testing::SimOptions& options) {
    without_breaks(*options.faults);
    options.faults->partial = 0;
}

}  // namespace

const Scenario slowloris_scenario = {
    "slowloris", "fifty slow clients and five good ones, which do not notice", &in_loop<slowloris>,
    &with_whole_transfers};

}  // namespace coir_scenarios
