// SPDX-License-Identifier: BSL-1.0
// Many operations on an io_uring with room for a few: completions overflow, requests wait for room,
// cancels cannot be sent.
#include "scenario.hpp"

namespace coir_scenarios {
namespace {

struct Crowd {
    Dice dice;
    int port = 0;
    int answers = 0;
};

// Asks, and sometimes gives up: then the answer is the next one's, and skipped.
void ask(Crowd& crowd, int name) {
    auto stream = coir::open_connection("127.0.0.1", crowd.port);
    int last = -1;
    for (int i = 0; i < 6; ++i) {
        stream.write(std::to_string(i) + "\n");
        while (last < i) {
            std::optional<std::string> line;
            try {
                coir::with_timeout(std::chrono::microseconds(20 + crowd.dice.below(2000)),
                                   [&] { line = stream.readline(); });
            } catch (const coir::TimeoutError&) {
                continue;
            }
            expect(line.has_value(), "the server goes on");
            const int answer = std::stoi(*line);
            expect(answer == last + 1, "answers come in their order, each once");
            last = answer;
            ++crowd.answers;
        }
    }
    static_cast<void>(name);
    stream.close();
}

void cq_tiny() {
    constexpr int clients = 12;
    Crowd crowd;
    auto server = coir::start_server(
        [](coir::Stream& stream) {
            while (const auto line = stream.readline()) stream.write(*line);
        },
        "127.0.0.1", 0);
    crowd.port = server.port();
    coir::with_task_group([&](coir::TaskGroup& group) {
        for (int i = 0; i < clients; ++i) group.create_task([&crowd, i] { ask(crowd, i); });
    });
    expect(crowd.answers == clients * 6, "every question is answered");
    server.close();
    server.wait_closed();
}

void tiny(coir::testing::SimOptions& options) {
    options.reactor = coir::testing::SimReactor::io_uring;
    auto& faults = *options.faults;
    faults.tiny_queues = true;
    faults.reset = faults.abort_accept = faults.partition = 0;
    faults.latency = std::min<std::chrono::nanoseconds>(faults.latency, std::chrono::microseconds(50));
    faults.jitter = std::min<std::chrono::nanoseconds>(faults.jitter, std::chrono::microseconds(50));
    faults.bytes_per_second = 0;
}

}  // namespace

const Scenario cq_tiny_scenario = {
    "cq_tiny", "many operations on an io_uring with room for a few", &in_loop<cq_tiny>, &tiny};

}  // namespace coir_scenarios
