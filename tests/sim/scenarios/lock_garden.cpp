// SPDX-License-Identifier: BSL-1.0
// Locks, semaphores, conditions and events, by many tasks that give up now and then. Each has a model
// beside it which says what may happen.
#include "giving_up.hpp"
#include "scenario.hpp"

#include <mutex>
#include <shared_mutex>

namespace coir_scenarios {
namespace {

using Microseconds = std::chrono::microseconds;

constexpr int gardeners = 8;
constexpr int tasks_of_each = 16;
constexpr std::ptrdiff_t barrows = 3;

/// Counts who is somewhere, for as long as the guard lives.
class Inside {
public:
    explicit Inside(int& count) : count_(count) { ++count_; }
    ~Inside() { --count_; }

private:
    int& count_;
};

struct Garden {
    Dice dice;

    coir::Lock spade;
    int next_ticket = 0;
    int last_served = -1;
    int digging = 0;

    coir::Semaphore barrow{barrows};
    int pushing = 0;

    coir::SharedLock path;
    int walking = 0;
    int sweeping = 0;

    coir::Lock basket;
    coir::Condition filled;
    int seeds = 0;
    int sown = 0;
    int taken = 0;

    coir::Event gate;
    int opened = 0;

    void work() { coir::sleep(Microseconds(dice.below(30))); }
};

// Those who get the lock get it in the order in which they came.
void dig(Garden& garden) {
    const int ticket = garden.next_ticket++;
    const std::unique_lock hold(garden.spade);
    expect(ticket > garden.last_served, "the lock is handed on in order");
    garden.last_served = ticket;
    const Inside inside(garden.digging);
    garden.work();
    expect(garden.digging == 1, "one holds the lock");
}

void push(Garden& garden) {
    const std::scoped_lock permit(garden.barrow);
    const Inside inside(garden.pushing);
    garden.work();
    expect(garden.pushing <= barrows, "no more than the semaphore has permits");
}

void sweep(Garden& garden) {
    const std::unique_lock hold(garden.path);
    const Inside inside(garden.sweeping);
    garden.work();
    expect(garden.sweeping == 1 && garden.walking == 0, "one writer alone");
}

void walk(Garden& garden) {
    const std::shared_lock hold(garden.path);
    const Inside inside(garden.walking);
    garden.work();
    expect(garden.sweeping == 0, "no reader beside a writer");
}

// As many are sown as are wanted: who waits for one that is there has missed a notification, and the
// loop would be deadlocked.
void sow(Garden& garden) {
    coir::no_cancel([&] {
        const std::unique_lock hold(garden.basket);
        garden.work();
        ++garden.seeds;
        ++garden.sown;
        garden.filled.notify_one();
    });
}

void reap(Garden& garden) {
    sow(garden);
    std::unique_lock hold(garden.basket);
    garden.filled.wait(hold, [&] { return garden.seeds > 0; });
    expect(hold.owns_lock() && garden.basket.locked(), "who waited has the lock again");
    --garden.seeds;
    ++garden.taken;
}

void pass_gate(Garden& garden) {
    const bool open = garden.gate.is_set();
    const int before = garden.opened;
    garden.gate.wait();
    expect(open || garden.opened > before, "who came through has seen the gate open");
}

void do_something(Garden& garden) {
    constexpr void (*all[])(Garden&) = {&dig, &push, &sweep, &walk, &reap, &pass_gate};
    void (*const chosen)(Garden&) = all[garden.dice.below(std::size(all))];
    if (garden.dice.below(2) == 0) return chosen(garden);
    auto attempt = [&] { chosen(garden); };
    wait_for_a_while(garden.dice, Microseconds(garden.dice.below(80)), attempt);
}

// Until everybody has gone home.
void keep_gate(Garden& garden) {
    for (;;) {
        coir::sleep(Microseconds(garden.dice.below(100)));
        garden.gate.set();
        ++garden.opened;
        garden.gate.clear();
    }
}

void expect_tidy(Garden& garden) {
    expect(!garden.spade.locked() && !garden.basket.locked(), "no lock is held");
    expect(!garden.path.locked() && garden.path.readers() == 0, "nobody is on the path");
    for (std::ptrdiff_t i = 0; i < barrows; ++i) {
        expect(garden.barrow.try_acquire(), "every permit has come back");
    }
    expect(!garden.barrow.try_acquire(), "and no other");
    expect(garden.sown == garden.taken + garden.seeds, "what is not taken is there");
    expect(coir::all_tasks().size() == 1, "only the main task is left");
}

void lock_garden() {
    Garden garden;
    auto keeper = coir::create_task([&] { keep_gate(garden); });
    coir::with_task_group([&](coir::TaskGroup& group) {
        for (int i = 0; i < gardeners; ++i) {
            group.create_task([&garden] {
                for (int k = 0; k < tasks_of_each; ++k) do_something(garden);
            });
        }
    });
    keeper.cancel();
    try {
        coir::await(keeper);
    } catch (const coir::TaskCancelledError&) {
    }
    expect_tidy(garden);
}

}  // namespace

const Scenario lock_garden_scenario = {
    "lock_garden", "locks, semaphores, conditions and events, each beside a model of it",
    &in_loop<lock_garden>};

}  // namespace coir_scenarios
