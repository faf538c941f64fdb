// SPDX-License-Identifier: BSL-1.0
// Bounded queues in a row, a slow consumer at their end, and producers and workers that are cancelled:
// no item is lost and none comes twice.
#include "giving_up.hpp"
#include "scenario.hpp"

#include <algorithm>

namespace coir_scenarios {
namespace {

using Microseconds = std::chrono::microseconds;

constexpr int producers = 3;
constexpr int workers = 2;
constexpr int items_of_each = 30;

struct Pipeline {
    Dice dice;
    coir::Queue<int> raw{3};
    coir::Queue<int> refined{2};
    std::vector<int> sent;
    std::vector<int> received;
};

// Ends early when it is cancelled: what it has sent by then counts.
void produce(Pipeline& line, int first) {
    for (int item = first; item < first + items_of_each; ++item) {
        line.raw.put(item);
        line.sent.push_back(item);
        coir::sleep(Microseconds(line.dice.below(20)));
    }
}

// An item that it has is handed on, however often that is given up.
void refine(Pipeline& line) {
    try {
        for (;;) {
            int item = -1;
            insist(line.dice, 60, [&](bool& got) {
                item = line.raw.get();
                got = true;
            });
            insist(line.dice, 60, [&](bool& got) {
                line.refined.put(item);
                got = true;
            });
            line.raw.task_done();
        }
    } catch (const coir::QueueShutDown&) {
    }
}

void collect(Pipeline& line) {
    try {
        for (;;) {
            line.received.push_back(line.refined.get());
            coir::sleep(Microseconds(line.dice.below(50)));
            line.refined.task_done();
        }
    } catch (const coir::QueueShutDown&) {
    }
}

std::vector<coir::Task<void>> start_producers(Pipeline& line) {
    std::vector<coir::Task<void>> all;
    for (int i = 0; i < producers; ++i) {
        all.push_back(coir::create_task([&line, i] { produce(line, i * 1000); }));
    }
    return all;
}

// One of them is cancelled on the way, perhaps.
void join_producers(Pipeline& line, const std::vector<coir::Task<void>>& all) {
    coir::sleep(Microseconds(line.dice.below(2000)));
    all[line.dice.below(all.size())].cancel();
    for (const auto& producer : all) {
        try {
            coir::await(producer);
        } catch (const coir::TaskCancelledError&) {
        }
    }
}

void queue_pipeline() {
    Pipeline line;
    coir::with_task_group([&](coir::TaskGroup& group) {
        for (int i = 0; i < workers; ++i) group.create_task([&] { refine(line); });
        group.create_task([&] { collect(line); });
        join_producers(line, start_producers(line));
        line.raw.join();
        line.raw.shutdown();
        line.refined.join();
        expect(line.received.size() == line.sent.size(), "join() returns when all is done");
        line.refined.shutdown();
    });
    expect(line.raw.empty() && line.refined.empty(), "the queues are empty");
    std::sort(line.sent.begin(), line.sent.end());
    std::sort(line.received.begin(), line.received.end());
    expect(line.sent == line.received, "what was put is what was got");
}

}  // namespace

const Scenario queue_pipeline_scenario = {
    "queue_pipeline", "bounded queues whose ends are slow and cancelled lose and double nothing",
    &in_loop<queue_pipeline>};

}  // namespace coir_scenarios
