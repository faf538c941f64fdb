// SPDX-License-Identifier: BSL-1.0
// Condition: semantics.md rules 203-209, decisions D2, D3.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/condition.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

namespace {

// Tasks that wait once each and note their names when they have been woken, the lock held.
struct Room {
    coir::Lock lock;
    coir::Condition condition;
    std::string order;

    coir::Task<void> waiter(char name) {
        auto task = coir::create_task([this, name] {
            std::unique_lock hold(lock);
            condition.wait(hold);
            CHECK(lock.locked());
            CHECK(hold.owns_lock());
            order += name;
        });
        coir::sleep(1s);
        return task;
    }
    void notify(std::ptrdiff_t n) {
        std::scoped_lock hold(lock);
        condition.notify(n);
    }
};

std::string message_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const coir::CancelledError& cancelled) {
        return cancelled.message();
    }
    return "not cancelled";
}

}  // namespace

TEST_CASE("rule 203: wait and notify without the lock are errors") {
    run_on_sim([] {
        Room room;
        std::unique_lock<coir::Lock> hold(room.lock, std::defer_lock);
        CHECK_THROWS_AS(room.condition.wait(hold), coir::InvalidStateError);
        CHECK_THROWS_AS(room.condition.wait(hold, [] { return false; }), coir::InvalidStateError);
        CHECK_THROWS_AS(room.condition.wait(hold, [] { return true; }), coir::InvalidStateError);
        std::unique_lock<coir::Lock> none;
        CHECK_THROWS_AS(room.condition.wait(none), coir::InvalidStateError);
        hold.lock();
        room.lock.unlock();  // behind its back
        CHECK_THROWS_AS(room.condition.wait(hold), coir::InvalidStateError);
        hold.release();

        auto waits = room.waiter('a');
        CHECK_THROWS_AS(room.condition.notify_one(), coir::InvalidStateError);
        CHECK_THROWS_AS(room.condition.notify_all(), coir::InvalidStateError);
        CHECK_FALSE(waits.done());
        room.notify(1);
        coir::await(waits);
    });
}

TEST_CASE("rule 203: those who wait at the same time must use the same lock") {
    run_on_sim([] {
        Room room;
        auto waits = room.waiter('a');
        coir::Lock other;
        std::unique_lock hold(other);
        CHECK_THROWS_AS(room.condition.wait(hold), coir::InvalidStateError);
        CHECK(hold.owns_lock());
        room.notify(1);
        coir::await(waits);
        auto now = coir::create_task([&] {
            coir::sleep(1s);
            std::scoped_lock own(other);
            room.condition.notify_one();
        });
        room.condition.wait(hold);  // nobody waits with the first lock any more
        coir::await(now);
    });
}

TEST_CASE("rule 203: numbers that are no numbers, and callables that are not there, are refused") {
    run_on_sim([] {
        Room room;
        CHECK_THROWS_AS(room.condition.notify(-1), std::invalid_argument);
        std::unique_lock hold(room.lock);
        std::function<bool()> empty;
        CHECK_THROWS_AS(room.condition.wait(hold, empty), std::invalid_argument);
        bool (*null)() = nullptr;
        CHECK_THROWS_AS(room.condition.wait(hold, null), std::invalid_argument);
        hold.unlock();
        auto waits = room.waiter('a');
        room.notify(0);
        coir::sleep(1s);
        CHECK_FALSE(waits.done());
        room.notify(1);
        coir::await(waits);
    });
}

TEST_CASE("rule 204: wait gives the lock up and has it again on every exit") {
    on_every_order([] {
        Room room;
        std::string log;
        auto attempt = [&](char name, auto wait) {
            auto task = coir::create_task([&, name, wait] {
                std::unique_lock hold(room.lock);
                try {
                    wait(hold);
                    log += name;
                } catch (const coir::TimeoutError&) {
                    log += "T";
                } catch (const coir::CancelledError&) {
                    log += "C";
                }
                CHECK(room.lock.locked());
                CHECK(hold.owns_lock());
            });
            coir::sleep(1s);
            CHECK_FALSE(room.lock.locked());
            return task;
        };
        auto plain = attempt('n', [&](auto& hold) { room.condition.wait(hold); });
        room.notify(1);
        coir::await(plain);
        auto late = attempt('t', [&](auto& hold) {
            coir::with_timeout(2s, [&] { room.condition.wait(hold); });
        });
        coir::await(late);
        auto cancelled = attempt('c', [&](auto& hold) { room.condition.wait(hold); });
        cancelled.cancel();
        coir::await(cancelled);
        auto thrown = attempt('p', [&](auto& hold) {
            int calls = 0;
            CHECK_THROWS_AS(room.condition.wait(hold,
                                                [&]() -> bool {
                                                    if (++calls == 2) throw 5;
                                                    return false;
                                                }),
                            int);
        });
        room.notify(1);
        coir::await(thrown);
        CHECK(log == "nTCp");
        CHECK_FALSE(room.lock.locked());
    });
}

TEST_CASE("rule 205: notify(n) wakes n in order, notify_all all; without waiters it is lost") {
    on_every_order([] {
        Room room;
        room.notify(5);
        std::vector<coir::Task<void>> tasks;
        for (char name = 'a'; name <= 'f'; ++name) tasks.push_back(room.waiter(name));
        coir::sleep(1s);
        CHECK(room.order.empty());
        room.notify(1);
        coir::sleep(1s);
        CHECK(room.order == "a");
        room.notify(2);
        coir::sleep(1s);
        CHECK(room.order == "abc");
        {
            std::scoped_lock hold(room.lock);
            room.condition.notify_one();
            coir::sleep(1s);
            CHECK(room.order == "abc");  // not before the lock is free
        }
        coir::sleep(1s);
        CHECK(room.order == "abcd");
        {
            std::scoped_lock hold(room.lock);
            room.condition.notify_all();
        }
        for (auto& task : tasks) coir::await(task);
        CHECK(room.order == "abcdef");
    });
}

TEST_CASE("rule 205, D25: a notified waiter is served before who asks for the lock later") {
    on_every_order([] {
        Room room;
        auto waits = room.waiter('w');
        room.lock.lock();
        room.condition.notify_one();
        auto newcomer = coir::create_task([&] {
            std::scoped_lock hold(room.lock);
            room.order += 'n';
        });
        coir::sleep(1s);
        room.lock.unlock();
        CHECK(room.lock.locked());
        CHECK_FALSE(room.lock.try_lock());
        coir::await(newcomer);
        coir::await(waits);
        CHECK(room.order == "wn");
    });
}

TEST_CASE("rule 206: a cancel while it gets the lock back is thrown when it has it") {
    on_every_order([] {
        Room room;
        std::string log;
        auto task = coir::create_task([&] {
            std::unique_lock hold(room.lock);
            CHECK_THROWS_AS(room.condition.wait(hold), coir::CancelledError);
            CHECK(room.lock.locked());
            log += "thrown";
            CHECK(coir::current_task().cancelling() == 1);
        });
        coir::sleep(1s);
        room.lock.lock();
        room.condition.notify_one();
        task.cancel();
        coir::sleep(1s);
        CHECK(log.empty());  // it stands in the lock's queue
        room.lock.unlock();
        coir::await(task);
        CHECK(log == "thrown");

        // The same for one that nobody had notified, cancelled twice.
        auto second = coir::create_task([&] {
            std::unique_lock hold(room.lock);
            CHECK(message_of([&] { room.condition.wait(hold); }) == "twice");
            CHECK(room.lock.locked());
        });
        coir::sleep(1s);
        room.lock.lock();
        second.cancel("once");
        coir::sleep(1s);
        CHECK_FALSE(second.done());
        second.cancel("twice");
        coir::sleep(1s);
        CHECK_FALSE(second.done());
        room.lock.unlock();
        coir::await(second);
        CHECK_FALSE(room.lock.locked());
    });
}

TEST_CASE("rule 206, D3: a cancel after the lock was handed over finds the wait completed") {
    on_every_order([] {
        Room room;
        bool returned = false;
        auto task = coir::create_task([&] {
            std::unique_lock hold(room.lock);
            room.condition.wait(hold);
            returned = true;
            coir::yield_now();
        });
        coir::sleep(1s);
        room.notify(1);  // and the lock is free: the wait is over
        CHECK(task.cancel());
        coir::sleep(1s);
        CHECK(returned);
        CHECK(task.cancelled());
        CHECK_FALSE(room.lock.locked());
    });
}

TEST_CASE("rule 207: a notified waiter that is cancelled passes the notification on") {
    on_every_order([] {
        Room room;
        auto a = room.waiter('a');
        auto b = room.waiter('b');
        auto c = room.waiter('c');
        room.lock.lock();
        room.condition.notify_one();
        a.cancel();
        a.cancel();  // once more changes nothing
        room.lock.unlock();
        coir::sleep(1s);
        CHECK(a.cancelled());
        CHECK(room.order == "b");
        CHECK_FALSE(c.done());
        CHECK_FALSE(room.lock.locked());
        room.notify(1);
        coir::await(b);
        coir::await(c);

        // With no other waiter it is lost, like one without any.
        auto only = room.waiter('o');
        room.lock.lock();
        room.condition.notify_one();
        only.cancel();
        room.lock.unlock();
        coir::sleep(1s);
        CHECK(only.cancelled());
        CHECK_FALSE(room.lock.locked());
    });
}

TEST_CASE("rule 207: one that is cancelled before the notification does not take it") {
    on_every_order([] {
        Room room;
        auto a = room.waiter('a');
        auto b = room.waiter('b');
        room.lock.lock();
        a.cancel();
        room.condition.notify_one();
        room.lock.unlock();
        coir::await(b);
        coir::sleep(1s);
        CHECK(a.cancelled());
        CHECK(room.order == "b");
    });
}

TEST_CASE("rule 208: the reason of the cancellation comes out unchanged") {
    on_every_order([] {
        Room room;
        std::vector<std::string> reasons;
        auto waiting = [&] {
            auto task = coir::create_task([&] {
                std::unique_lock hold(room.lock);
                reasons.push_back(message_of([&] { room.condition.wait(hold); }));
            });
            coir::sleep(1s);
            return task;
        };
        auto first = waiting();
        first.cancel("while it waits");
        coir::await(first);
        auto second = waiting();
        room.lock.lock();
        room.condition.notify_one();
        second.cancel("while it gets the lock");
        room.lock.unlock();
        coir::await(second);
        CHECK(reasons == std::vector<std::string>{"while it waits", "while it gets the lock"});
    });
}

TEST_CASE("rule 209: the predicate form waits until it is true, whatever wakes it") {
    on_every_order([] {
        Room room;
        int value = 0;
        int calls = 0;
        auto task = coir::create_task([&] {
            std::unique_lock hold(room.lock);
            room.condition.wait(hold, [&] {
                CHECK(room.lock.locked());
                ++calls;
                return value == 3;
            });
            room.order += 'x';
        });
        coir::sleep(1s);
        for (int i = 1; i <= 3; ++i) {
            CHECK_FALSE(task.done());
            std::scoped_lock hold(room.lock);
            value = i;
            room.condition.notify_all();
            coir::sleep(1s);
        }
        coir::await(task);
        CHECK(calls == 4);
        CHECK(room.order == "x");
    });
}

TEST_CASE("rule 209, D23: a predicate that is true at once does not switch, but sees a cancel") {
    run_on_sim([] {
        Room room;
        bool other_ran = false;
        coir::spawn_detached([&] { other_ran = true; });
        std::unique_lock hold(room.lock);
        int calls = 0;
        room.condition.wait(hold, [&] { return ++calls == 1; });
        CHECK(calls == 1);
        CHECK_FALSE(other_ran);
        hold.unlock();
        auto task = coir::create_task([&] {
            std::unique_lock own(room.lock);
            coir::current_task().cancel();
            CHECK_THROWS_AS(room.condition.wait(own, [] { return true; }), coir::CancelledError);
            CHECK(own.owns_lock());
        });
        coir::await(task);
    });
}

TEST_CASE("rule 204, D2: in no_cancel a condition is waited for to the end") {
    on_every_order([] {
        Room room;
        std::string log;
        auto task = coir::create_task([&] {
            std::unique_lock hold(room.lock);
            coir::no_cancel([&] { room.condition.wait(hold); });
            log += "notified";
            coir::yield_now();
        });
        coir::sleep(1s);
        task.cancel();
        coir::sleep(1s);
        CHECK(log.empty());
        room.notify(1);
        coir::sleep(1s);
        CHECK(log == "notified");
        CHECK(task.cancelled());
        CHECK_FALSE(room.lock.locked());
    });
}

TEST_CASE("rule 204: whoever waits when condition and lock are destroyed can still be cancelled") {
    on_every_order([] {
        std::vector<coir::Task<void>> tasks;
        {
            Room room;
            auto waiting = [&room] {
                std::unique_lock hold(room.lock);
                room.condition.wait(hold);
            };
            for (int i = 0; i < 3; ++i) tasks.push_back(coir::create_task(waiting));
            coir::sleep(1s);
            room.lock.lock();
            room.condition.notify_one();  // the first stands in the lock's queue now
        }
        coir::sleep(1s);
        for (auto& task : tasks) CHECK_FALSE(task.done());
        for (auto& task : tasks) task.cancel();
        coir::sleep(1s);
        for (auto& task : tasks) CHECK(task.cancelled());
    });
}
