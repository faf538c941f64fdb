// SPDX-License-Identifier: BSL-1.0
// Tasks that wait in catch blocks, in destructors and in scope guards while exceptions are under way:
// each sees its own exceptions, and no other's.
#include "scenario.hpp"

#include <exception>

namespace coir_scenarios {
namespace {

using Microseconds = std::chrono::microseconds;

constexpr int animals = 8;
constexpr int deepest = 5;

/// An exception that knows whose it is, and is counted.
class Roar {
public:
    Roar(int animal, int number) : animal(animal), number(number) { ++alive; }
    Roar(const Roar& other) noexcept : animal(other.animal), number(other.number) { ++alive; }
    Roar& operator=(const Roar&) = delete;
    ~Roar() { --alive; }
    static inline int alive = 0;

    const int animal;
    const int number;
};

struct Animal {
    Dice& dice;
    int number;
    int roars = 0;
};

// Whatever others throw and catch meanwhile.
void wait(Animal& animal) {
    const int under_way = std::uncaught_exceptions();
    const std::exception_ptr current = std::current_exception();
    animal.dice.below(3) == 0 ? coir::yield_now() : coir::sleep(Microseconds(animal.dice.below(20)));
    expect(std::uncaught_exceptions() == under_way, "as many exceptions are under way as before");
    expect(std::current_exception() == current, "the caught exception is the same as before");
}

/// A destructor that waits. What is wrong there is told later: nothing may leave it.
class WaitsAtTheEnd {
public:
    WaitsAtTheEnd(Animal& animal, std::string& complaint) : animal_(animal), complaint_(complaint) {}
    ~WaitsAtTheEnd() {
        try {
            wait(animal_);
        } catch (const std::exception& error) {
            complaint_ = error.what();
        }
    }

private:
    Animal& animal_;
    std::string& complaint_;
};

void behave(Animal& animal, int level);

void roar(Animal& animal) { throw Roar(animal.number, animal.roars++); }

void expect_own(const Animal& animal, const Roar& roar, int number) {
    expect(roar.animal == animal.number, "the exception is this animal's");
    expect(number < 0 || roar.number == number, "and the one that it has just thrown");
}

// Waits while it handles an exception, perhaps with more of them inside, and lets it go on.
void wait_in_handler(Animal& animal, int level) {
    const int number = animal.roars;
    try {
        roar(animal);
    } catch (const Roar& caught) {
        wait(animal);
        behave(animal, level + 1);
        expect_own(animal, caught, number);
        try {
            throw;
        } catch (const Roar& again) {
            expect(&again == &caught, "thrown again, it is the same one");
        }
    }
}

void wait_in_destructor(Animal& animal, int level) {
    std::string complaint;
    const int number = animal.roars;
    try {
        const WaitsAtTheEnd first(animal, complaint);
        const WaitsAtTheEnd second(animal, complaint);
        roar(animal);
    } catch (const Roar& caught) {
        expect_own(animal, caught, number);
        behave(animal, level + 1);
    }
    expect(complaint.empty(), complaint);
}

// The exception leaves its task by way of the future, to who awaits it within a handler.
void wait_for_young(Animal& animal, int level) {
    auto young = coir::create_task([&] {
        behave(animal, level + 1);
        roar(animal);
    });
    try {
        roar(animal);
    } catch (const Roar& own) {
        const int number = own.number;
        try {
            coir::await(young);
            expect(false, "the young one has roared");
        } catch (const Roar& caught) {
            expect_own(animal, caught, -1);
            wait(animal);
        }
        expect_own(animal, own, number);
    }
}

void behave(Animal& animal, int level) {
    if (level == deepest) return wait(animal);
    constexpr void (*all[])(Animal&, int) = {&wait_in_handler, &wait_in_destructor, &wait_for_young};
    all[animal.dice.below(std::size(all))](animal, level);
}

void throwing_zoo() {
    Dice dice;
    coir::with_task_group([&](coir::TaskGroup& group) {
        for (int i = 0; i < animals; ++i) {
            group.create_task([&dice, i] {
                Animal animal{dice, i};
                for (int k = 0; k < 3; ++k) behave(animal, 0);
            });
        }
    });
    expect(Roar::alive == 0, "every exception has been destroyed");
    expect(!std::current_exception() && std::uncaught_exceptions() == 0, "and none is under way");
}

}  // namespace

const Scenario throwing_zoo_scenario = {
    "throwing_zoo", "tasks wait in handlers and destructors: exceptions stay with their tasks",
    &in_loop<throwing_zoo>};

}  // namespace coir_scenarios
