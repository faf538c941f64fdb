// SPDX-License-Identifier: BSL-1.0
// Stacks for new tasks cannot always be had: whoever wanted one is told, what has begun goes on, and
// what is never begun leaves nothing behind. (Allocations in general: tests/faults.)
#include "scenario.hpp"

namespace coir_scenarios {
namespace {

using Microseconds = std::chrono::microseconds;

struct Shortage {
    Dice dice;
    int begun = 0;
    int ended = 0;
    int refused = 0;
    int wanted = 0;
};

// Each size of its own needs memory of its own.
coir::TaskOptions some_stack(Shortage& shortage) {
    return {.stack_size = 64 * 1024 + 4096 * static_cast<std::size_t>(shortage.dice.below(64))};
}

void work(Shortage& shortage) {
    struct Count {
        Shortage& of;
        explicit Count(Shortage& in) : of(in) { ++of.begun; }
        ~Count() { ++of.ended; }
    } count(shortage);
    for (int i = 0; i < 4; ++i) coir::sleep(Microseconds(shortage.dice.below(50)));
}

// A group whose body goes on without the tasks that could not be made.
void make_do(Shortage& shortage) {
    coir::with_task_group([&](coir::TaskGroup& group) {
        for (int i = 0; i < 20; ++i) {
            ++shortage.wanted;
            try {
                group.create_task(some_stack(shortage), [&] { work(shortage); });
            } catch (const coir::StackAllocError&) {
                ++shortage.refused;
            }
            coir::sleep(Microseconds(shortage.dice.below(20)));
        }
    });
    expect(shortage.begun == shortage.ended, "what has begun has ended");
    expect(shortage.begun + shortage.refused == shortage.wanted, "each is made or refused");
}

// A group that fails with it: whoever was made is joined.
void give_up(Shortage& shortage) {
    try {
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 6; ++i) {
                group.create_task(some_stack(shortage), [&] { work(shortage); });
                coir::yield_now();
            }
        });
    } catch (const coir::ExceptionGroup& group) {
        auto [stacks, rest] = group.split<coir::StackAllocError>();
        expect(stacks && !rest, "nothing but a stack was missing");
    }
    expect(shortage.begun == shortage.ended, "the group has joined whom it had");
}

// A server that cannot make a handler closes that connection, and goes on.
void serve() {
    auto server = coir::start_server(
        [&](coir::Stream& stream) {
            char buffer[8];
            while (const std::size_t size = stream.read(buffer)) {
                stream.write(std::string_view(buffer, size));
            }
        },
        "127.0.0.1", 0, {.stack_size = 512 * 1024});
    for (int i = 0; i < 12; ++i) {
        auto stream = coir::open_connection("127.0.0.1", server.port());
        try {
            stream.write("hallo");
            char buffer[5];
            stream.read_exactly(buffer);
            expect(std::string_view(buffer, 5) == "hallo", "the echo is what was sent");
        } catch (const coir::IncompleteReadError&) {
        } catch (const coir::IoError& error) {
            const int number = error.code().value();
            expect(number == ECONNRESET || number == EPIPE, error.what());
        }
    }
    server.close();
    server.wait_closed();
}

void oom() {
    Shortage shortage;
    make_do(shortage);
    give_up(shortage);
    serve();
    expect(coir::all_tasks().size() == 1, "only the main task is left");
}

// The main task's own stack may be what is missing.
void run_short() {
    coir::RunOptions options;
    options.on_deadlock = coir::OnDeadlock::fail;
    try {
        coir::run(&oom, options);
    } catch (const coir::StackAllocError&) {
        expect(coir::testing::current_faults().no_stack > 0, "there is memory where nothing fails");
    }
}

void with_little_memory(coir::testing::SimOptions& options) {
    without_breaks(*options.faults);
    options.faults->no_stack = 0.02 * static_cast<double>(options.seed % 20);
}

}  // namespace

const Scenario oom_scenario = {"oom", "stacks for new tasks cannot always be had",
                               &run_short, &with_little_memory};

}  // namespace coir_scenarios
