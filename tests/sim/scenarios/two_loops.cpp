// SPDX-License-Identifier: BSL-1.0
// Two loops on threads of their own: posts, tasks that one starts on the other and awaits, and one of
// them closes first.
#include "scenario.hpp"

#include <algorithm>
#include <memory>

namespace coir_scenarios {
namespace {

struct Loops {
    LoggedDice dice;
    std::unique_ptr<coir::EventLoop> other;
    std::vector<int> posted;
    std::vector<int> ran;
    int begun = 0;   // tasks on the other loop
    int ended = 0;
};

// What the other loop does for somebody: it counts, however it ends.
int work(Loops& loops, int number, std::uint64_t microseconds) {
    struct Count {
        Loops& of;
        explicit Count(Loops& in) : of(in) { ++of.begun; }
        ~Count() { ++of.ended; }
    } count(loops);
    coir::sleep(std::chrono::microseconds(microseconds));
    return number;
}

void post(Loops& loops, int number) {
    loops.other->call_soon_threadsafe([&loops, number] { loops.ran.push_back(number); });
    loops.posted.push_back(number);
}

void ask(Loops& loops, int number, bool impatient) {
    const std::uint64_t there = loops.dice.below(400);
    const auto patience = std::chrono::microseconds(loops.dice.below(400));
    auto future = coir::run_task_threadsafe(*loops.other,
                                            [&loops, number, there] { return work(loops, number, there); });
    int answer = -1;
    if (impatient) {
        answer = coir::with_timeout(patience, [&] { return coir::await(std::move(future)); });
    } else {
        answer = coir::await(std::move(future));
    }
    expect(answer == number, "the answer is this question's");
}

// One thing to do with the other loop, which may be closed or on its way.
void visit(Loops& loops, int number) {
    try {
        switch (loops.dice.below(4)) {
            case 0:
                post(loops, number);
                break;
            case 1:
                ask(loops, number, false);
                break;
            case 2:
                ask(loops, number, true);
                break;
            default:
                coir::sleep(std::chrono::microseconds(loops.dice.below(300)));
                break;
        }
    } catch (const coir::TimeoutError&) {
    } catch (const coir::TaskCancelledError&) {
    } catch (const std::logic_error& error) {
        expect(std::string_view(error.what()).find("closed") != std::string_view::npos, error.what());
    }
}

void two_loops() {
    Loops loops;
    coir::RunOptions options;
    options.on_deadlock = coir::OnDeadlock::fail;
    loops.other = std::make_unique<coir::EventLoop>(options);
    const auto life = std::chrono::microseconds(loops.dice.below(12'000));
    coir::testing::SimThread thread("other", [&] {
        loops.other->run_until_complete([life] { coir::sleep(life); });
        loops.other->close();
    });
    coir::run(
        [&] {
            coir::with_task_group([&](coir::TaskGroup& group) {
                for (int i = 0; i < 12; ++i) {
                    group.create_task([&loops, i] {
                        for (int k = 0; k < 20; ++k) visit(loops, i * 100 + k);
                    });
                }
            });
        },
        options);
    thread.join();
    // In any order: ready callbacks are among what the seed mixes.
    std::sort(loops.ran.begin(), loops.ran.end());
    std::sort(loops.posted.begin(), loops.posted.end());
    expect(std::includes(loops.posted.begin(), loops.posted.end(), loops.ran.begin(),
                         loops.ran.end()),
           "what was posted has run, as far as the loop was there");
    expect(std::adjacent_find(loops.ran.begin(), loops.ran.end()) == loops.ran.end(),
           "nothing that was posted has run twice");
    expect(loops.begun == loops.ended, "every task that has begun has ended");
    loops.other.reset();
}

}  // namespace

const Scenario two_loops_scenario = {
    "two_loops", "posts and futures between two loops, one of which closes first", &two_loops};

}  // namespace coir_scenarios
