// SPDX-License-Identifier: BSL-1.0
// Programs that can never go on are told so, by the names of their tasks; programs that only look like
// it are let alone.
#include "scenario.hpp"

#include <memory>
#include <mutex>

namespace coir_scenarios {
namespace {

using Microseconds = std::chrono::microseconds;

/// Others that live, and end, beside those who may wait for ever.
void add_passers_by(coir::TaskGroup& group, Dice& dice) {
    for (int i = 0; i < 6; ++i) {
        group.create_task([&dice] {
            for (int k = 0; k < 8; ++k) coir::sleep(Microseconds(dice.below(30)));
        });
    }
}

coir::TaskOptions named(const char* name) { return {.name = name}; }

/// What a program does with a loop of its own.
struct Puzzle {
    Dice dice;
    coir::Lock left, right;
    coir::Queue<int> queue{1};
    coir::Event event;
};

// --- Those that never end: "fox" and "hen" wait ---------------------------------------------------

void take_both(Puzzle& puzzle, coir::Lock& first, coir::Lock& second) {
    const std::scoped_lock hold(first);
    coir::sleep(Microseconds(100));
    const std::scoped_lock more(second);
    puzzle.event.set();
}

void locks_in_two_orders(Puzzle& puzzle, coir::TaskGroup& group) {
    group.create_task(named("fox"), [&] { take_both(puzzle, puzzle.left, puzzle.right); });
    group.create_task(named("hen"), [&] { take_both(puzzle, puzzle.right, puzzle.left); });
}

void nobody_puts(Puzzle& puzzle, coir::TaskGroup& group) {
    group.create_task(named("fox"), [&] { puzzle.queue.get(); });
    group.create_task(named("hen"), [&] { puzzle.event.wait(); });
}

// Each waits for what the other would do after it.
void waits_for_the_other(Puzzle& puzzle, coir::TaskGroup& group) {
    auto hen = group.create_task(named("hen"), [&] {
        puzzle.event.wait();
        puzzle.queue.put(1);
    });
    group.create_task(named("fox"), [&puzzle, hen] {
        coir::await(hen);
        puzzle.event.set();
    });
}

// --- Those that do ---------------------------------------------------------------------------------

void a_thread_posts(Puzzle& puzzle, coir::TaskGroup& group) {
    coir::EventLoop& loop = coir::get_running_loop();
    coir::testing::SimThread("poster", [&puzzle, &loop] {
        coir::run([&] { coir::sleep(Microseconds(puzzle.dice.below(5000))); });
        loop.call_soon_threadsafe([&puzzle] { puzzle.event.set(); });
    });
    group.create_task(named("fox"), [&] { puzzle.event.wait(); });
}

void a_timer_fires(Puzzle& puzzle, coir::TaskGroup& group) {
    coir::get_running_loop().call_later(std::chrono::hours(24 * 365), [&] { puzzle.event.set(); });
    group.create_task(named("hen"), [&] { puzzle.event.wait(); });
}

void a_peer_writes(Puzzle&, coir::TaskGroup& group) {
    auto listener = std::make_shared<coir::Listener>(coir::Listener::listen("127.0.0.1", 0));
    group.create_task(named("fox"), [listener] {
        char byte[1];
        expect(listener->accept().read(byte) == 1, "the byte has come");
    });
    const auto port = listener->port();
    coir::testing::SimThread("peer", [port] {
        coir::run([port] {
            auto stream = coir::open_connection("127.0.0.1", port);
            coir::sleep(std::chrono::hours(3));
            stream.write("x");
            stream.close();
        });
    });
}

// --------------------------------------------------------------------------------------------------

using Program = void (*)(Puzzle&, coir::TaskGroup&);

void run_program(Puzzle& puzzle, Program program) {
    coir::RunOptions options;
    options.on_deadlock = coir::OnDeadlock::fail;
    coir::run(
        [&] {
            coir::with_task_group([&](coir::TaskGroup& group) {
                add_passers_by(group, puzzle.dice);
                program(puzzle, group);
            });
        },
        options);
}

void expect_reported(Puzzle& puzzle, Program program) {
    try {
        run_program(puzzle, program);
    } catch (const coir::DeadlockError& error) {
        const std::string text = error.what();
        expect(text.find("fox") != text.npos && text.find("hen") != text.npos,
               "the report names who waits: " + text);
        return;
    }
    expect(false, "a program that can never go on is told so");
}

void deadlock() {
    constexpr Program endless[] = {&locks_in_two_orders, &nobody_puts, &waits_for_the_other};
    constexpr Program harmless[] = {&a_thread_posts, &a_timer_fires, &a_peer_writes};
    Dice dice;
    for (int i = 0; i < 4; ++i) {
        Puzzle puzzle{.dice = Dice(dice.below(1u << 30))};
        if (dice.below(2) == 0) {
            expect_reported(puzzle, endless[dice.below(std::size(endless))]);
        } else {
            run_program(puzzle, harmless[dice.below(std::size(harmless))]);
        }
    }
}

}  // namespace

const Scenario deadlock_scenario = {
    "deadlock", "cycles are reported with the names in them, look-alikes are not", &deadlock,
    [](coir::testing::SimOptions& options) { without_breaks(*options.faults); }};

}  // namespace coir_scenarios
