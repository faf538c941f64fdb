// SPDX-License-Identifier: BSL-1.0
// Plain threads, which know nothing of loops, ask a loop for results and wait for them; and C code
// that calls back into functions which wait.
#include "scenario.hpp"

#include <coir/coir.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace coir_scenarios {
namespace {

using Microseconds = std::chrono::microseconds;

constexpr int callers = 3;
constexpr int questions = 8;

struct Bridge {
    Dice dice;
    coir::EventLoop* loop = nullptr;
    coir::Lock lock;
    int inside = 0;
    int asked = 0;
    int answered = 0;
    int refused = 0;
};

// In the loop; one at a time, as the legacy code behind it wants it.
int answer(Bridge& bridge, int question) {
    const std::scoped_lock hold(bridge.lock);
    expect(++bridge.inside == 1, "one at a time");
    coir::sleep(Microseconds(bridge.dice.below(40)));
    --bridge.inside;
    if (question % 5 == 4) throw std::out_of_range("no answer to " + std::to_string(question));
    return question * 2;
}

// Of a thread: it blocks until the loop has answered.
void ask(Bridge& bridge, int question) {
    ++bridge.asked;
    auto future =
        coir::run_task_threadsafe(*bridge.loop, [&bridge, question] { return answer(bridge, question); });
    try {
        expect(future.get() == question * 2, "the answer is this question's");
        ++bridge.answered;
    } catch (const std::out_of_range& error) {
        expect(error.what() == "no answer to " + std::to_string(question), "the error is this question's");
        ++bridge.refused;
    }
}

// qsort() knows nothing of what its comparison does.
int compare_and_wait(const void* left, const void* right) {
    const int a = *static_cast<const int*>(left);
    const int b = *static_cast<const int*>(right);
    if ((a + b) % 3 == 0) {
        coir_yield();
    } else if ((a + b) % 7 == 0) {
        coir_sleep_ns(5'000);
    }
    return (a > b) - (a < b);
}

void sort_by_callback(std::uint64_t seed) {
    Dice dice(seed);
    std::vector<int> numbers(24);
    for (int& number : numbers) number = static_cast<int>(dice.below(1000));
    std::qsort(numbers.data(), numbers.size(), sizeof(int), &compare_and_wait);
    expect(std::is_sorted(numbers.begin(), numbers.end()), "qsort() has sorted");
}

// Until the threads have got what they want.
void serve(const std::vector<coir::testing::SimThread>& threads) {
    coir::with_task_group([](coir::TaskGroup& group) {
        for (std::uint64_t i = 0; i < 4; ++i) {
            group.create_task([i] { sort_by_callback(coir::testing::current_seed() * 4 + i); });
        }
    });
    const auto has_ended = [](const coir::testing::SimThread& thread) { return thread.has_ended(); };
    while (!std::all_of(threads.begin(), threads.end(), has_ended)) coir::sleep(Microseconds(50));
}

void bridge_sync() {
    Bridge bridge;
    auto loop = std::make_unique<coir::EventLoop>();
    bridge.loop = loop.get();
    std::vector<coir::testing::SimThread> threads;
    for (int i = 0; i < callers; ++i) {
        threads.emplace_back("caller " + std::to_string(i), [&bridge, i] {
            for (int k = 0; k < questions; ++k) ask(bridge, i * 100 + k);
        });
    }
    loop->run_until_complete([&] { serve(threads); });
    loop->close();
    expect(bridge.asked == callers * questions, "everybody has asked");
    expect(bridge.answered + bridge.refused == bridge.asked, "every question has one answer");
    expect(bridge.refused > 0, "some are refused");
}

}  // namespace

const Scenario bridge_sync_scenario = {
    "bridge_sync", "plain threads wait for a loop's results, and C code calls back what waits",
    &bridge_sync};

}  // namespace coir_scenarios
