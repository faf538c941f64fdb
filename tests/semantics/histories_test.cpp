// SPDX-License-Identifier: BSL-1.0
// Histories of every primitive against sequential models: semantics.md §2.15-2.18, D3, D25.
//
// Each case runs some hundred seeded programs: tasks with random operations, limits and pauses, some
// cancelled at random moments, the ready order drawn by the simulator. What they saw must be what a
// sequential model says, without what was interrupted. Fairness is looked at in FIFO ready order.
#include "support/catch.hpp"
#include "support/history.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/queue.hpp>
#include <coir/sync.hpp>
#include <coir/timeout.hpp>

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir_test::Call;
using coir_test::Dice;
using coir_test::History;
using coir_test::run_with_cancels;

namespace {

constexpr std::uint64_t seeds = COIR_TSAN ? 10 : 200;
constexpr int no_more = -1;  // what a queue that was shut down says

/// Runs `program(dice)` with every seed: the ready order is drawn for all but every fifth.
template <class Program>
void for_each_seed(Program program) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        INFO("seed " << seed);
        Dice dice(seed);
        coir_test::run_on_sim([&] { program(dice); },
                              seed % 5 == 0 ? std::nullopt : std::optional<std::uint64_t>(seed));
    }
}

/// An operation with or without a limit.
template <class F>
auto perhaps_limited(Dice& dice, F f) {
    if (!dice.one_in(4)) return f();
    return coir::with_timeout(dice.moment(4), f);
}

/// Pauses, or not, for a time that others are likely to share.
void pause(Dice& dice) {
    switch (dice.roll(4)) {
        case 0:
            coir::yield_now();
            break;
        case 1:
            coir::sleep(dice.moment(3));
            break;
        default:
            break;
    }
}

/// What a queue or channel of `limit` items does; which item is next is the order's business.
enum class Order { fifo, lifo, priority };
struct QueueModel {
    std::size_t limit;
    Order order;
    std::deque<int> items = {};
    bool closed = false;

    auto operator<=>(const QueueModel&) const = default;
    // A rendezvous lets one item in as if there were room, which must be taken before another.
    std::size_t room() const { return std::max<std::size_t>(limit, 1); }
    bool take(int item) {
        if (items.empty()) return false;
        auto next = items.begin();
        if (order == Order::lifo) next = items.end() - 1;
        if (order == Order::priority) next = std::min_element(items.begin(), items.end());
        if (*next != item) return false;
        items.erase(next);
        return true;
    }
    bool apply(const Call& call) {
        if (call.name == "shutdown") {
            closed = true;
            return true;
        }
        if (call.name == "put") {
            if (call.result == no_more) return closed;
            // In between, an item may be on its way to a getter that has not returned.
            if (closed || items.size() >= room()) return false;
            items.push_back(call.argument);
            return true;
        }
        if (!call.result) return false;  // a get that never returned took nothing
        if (*call.result == no_more) return closed && items.empty();
        return take(*call.result);
    }
};

template <class Q>
struct QueueOperations {
    static void put(Q& queue, int item) { queue.put(item); }
    static int get(Q& queue) { return queue.get(); }
    static void shutdown(Q& queue) { queue.shutdown(); }
};
template <>
struct QueueOperations<coir::Channel<int>> {
    static void put(coir::Channel<int>& channel, int item) { channel.send(item); }
    static int get(coir::Channel<int>& channel) { return channel.receive().value_or(no_more); }
    static void shutdown(coir::Channel<int>& channel) { channel.close(); }
};

/// One random program on a queue: what was put is taken once, in the model's order.
template <class Q>
void queue_program(Dice& dice, Q& queue, std::size_t limit, Order order) {
    using Operations = QueueOperations<Q>;
    History history;
    int last_item = 0;
    std::vector<int> put;
    std::vector<int> taken;
    auto body = [&](int who) {
        for (int i = 0; i < 4; ++i) {
            pause(dice);
            if (dice.one_in(25)) {
                history.record("shutdown", 0, [&] {
                    Operations::shutdown(queue);
                    return std::nullopt;
                });
            }
            if (dice.roll(5) < (who % 2 == 0 ? 4 : 1)) {
                const int item = order == Order::priority ? ++last_item + 1000 * dice.roll(3)
                                                          : ++last_item;
                history.record("put", item, [&]() -> std::optional<int> {
                    try {
                        perhaps_limited(dice, [&] { Operations::put(queue, item); });
                        put.push_back(item);
                        return 0;
                    } catch (const coir::QueueShutDown&) {
                        return no_more;
                    }
                });
            } else {
                history.record("get", 0, [&]() -> std::optional<int> {
                    try {
                        const int item =
                            perhaps_limited(dice, [&] { return Operations::get(queue); });
                        if (item != no_more) taken.push_back(item);
                        return item;
                    } catch (const coir::QueueShutDown&) {
                        return no_more;
                    }
                });
            }
        }
    };
    run_with_cancels(dice, 5, 20ms, body);
    const std::size_t left = queue.size();
    for (std::size_t i = 0; i < left; ++i) {
        history.record("get", 0, [&] {
            const int item = Operations::get(queue);
            taken.push_back(item);
            return item;
        });
    }
    INFO(history.text());
    std::sort(put.begin(), put.end());
    std::sort(taken.begin(), taken.end());
    CHECK(put == taken);  // nothing lost, nothing twice, nothing of who was interrupted
    // A hand-over puts and takes in one: the model may need the room of who is about to return.
    CHECK(coir_test::is_explained_by(history.effective(), QueueModel{limit, order}));
}

/// Strict FIFO: of those that waited, whoever called first was served first. One that need not wait
/// may be quicker than one that was served and has not run yet.
bool served_in_order(const std::vector<Call>& calls) {
    std::vector<std::pair<std::size_t, std::size_t>> times;
    for (const Call& call : calls) {
        if (call.returned > call.called + 1) times.emplace_back(call.called, call.returned);
    }
    std::sort(times.begin(), times.end());
    return std::is_sorted(times.begin(), times.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; });
}

/// One random program on something that `acquire` takes and `release` gives back, of which `most` can
/// be held at a time.
template <class Acquire, class Release>
void permit_program(Dice& dice, int most, bool in_order, Acquire acquire, Release release) {
    History history;
    int held = 0;
    int acquired = 0;
    auto body = [&](int) {
        for (int i = 0; i < 4; ++i) {
            pause(dice);
            bool mine = false;
            history.record("acquire", 0, [&]() -> std::optional<int> {
                perhaps_limited(dice, [&] { acquire(); });
                mine = true;
                return 0;
            });
            if (!mine) continue;
            CHECK(++held <= most);
            ++acquired;
            struct GiveBack {
                int& held;
                Release& release;
                ~GiveBack() {
                    --held;
                    release();
                }
            } give_back{held, release};
            coir::sleep(dice.moment(3));
        }
    };
    run_with_cancels(dice, 6, 50ms, body);
    INFO(history.text());
    CHECK(held == 0);
    CHECK(acquired > 0);
    if (in_order) CHECK(served_in_order(history.effective()));
}

}  // namespace

TEST_CASE("rule 222-229, 232: histories of queues are those of a sequential queue") {
    for_each_seed([](Dice& dice) {
        const int limit = dice.roll(3) + 1;
        coir::Queue<int> queue(limit);
        queue_program(dice, queue, static_cast<std::size_t>(limit), Order::fifo);
    });
}

TEST_CASE("rule 234: histories of LIFO queues are those of a stack") {
    for_each_seed([](Dice& dice) {
        coir::LifoQueue<int> queue;
        queue_program(dice, queue, 1000, Order::lifo);
    });
}

TEST_CASE("rule 234: histories of priority queues are those of an ordered list") {
    for_each_seed([](Dice& dice) {
        coir::PriorityQueue<int> queue;
        queue_program(dice, queue, 1000, Order::priority);
    });
}

TEST_CASE("rule 226-229: histories of channels are those of a sequential queue") {
    for_each_seed([](Dice& dice) {
        const int capacity = dice.roll(3);
        coir::Channel<int> channel(capacity);
        queue_program(dice, channel, static_cast<std::size_t>(capacity), Order::fifo);
    });
}

TEST_CASE("rule 193-197, D25: histories of locks: one owner, in order") {
    std::uint64_t run = 0;
    for_each_seed([&](Dice& dice) {
        coir::Lock lock;
        permit_program(
            dice, 1, ++run % 5 == 0, [&] { lock.lock(); }, [&] { lock.unlock(); });
        CHECK_FALSE(lock.locked());
    });
}

TEST_CASE("rule 211-214, D25: histories of semaphores: never too many owners, in order") {
    std::uint64_t run = 0;
    for_each_seed([&](Dice& dice) {
        const int permits = dice.roll(3) + 1;
        coir::BoundedSemaphore semaphore(permits);
        permit_program(
            dice, permits, ++run % 5 == 0, [&] { semaphore.acquire(); },
            [&] { semaphore.release(); });
        for (int i = 0; i < permits; ++i) CHECK(semaphore.try_acquire());
        CHECK_FALSE(semaphore.try_acquire());  // none lost, none made
    });
}

TEST_CASE("D25: histories of shared locks: writers alone, nobody starves, everybody in order") {
    std::uint64_t run = 0;
    for_each_seed([&](Dice& dice) {
        const bool in_order = ++run % 5 == 0;
        coir::SharedLock lock;
        History history;
        int readers = 0;
        int writers = 0;
        auto body = [&](int) {
            for (int i = 0; i < 4; ++i) {
                pause(dice);
                const bool writer = dice.one_in(3);
                bool mine = false;
                history.record(writer ? "write" : "read", 0, [&]() -> std::optional<int> {
                    perhaps_limited(dice, [&] { writer ? lock.lock() : lock.lock_shared(); });
                    mine = true;
                    return 0;
                });
                if (!mine) continue;
                writer ? ++writers : ++readers;
                CHECK((writers == 0 || (writers == 1 && readers == 0)));
                try {
                    coir::sleep(dice.moment(3));
                } catch (const coir::CancelledError&) {
                    writer ? --writers : --readers;
                    writer ? lock.unlock() : lock.unlock_shared();
                    throw;
                }
                writer ? --writers : --readers;
                writer ? lock.unlock() : lock.unlock_shared();
            }
        };
        run_with_cancels(dice, 6, 50ms, body);
        INFO(history.text());
        CHECK((!lock.locked() && lock.readers() == 0));
        CHECK(lock.try_lock());
        if (in_order) CHECK(served_in_order(history.effective()));
    });
}

TEST_CASE("rule 199-202: histories of events: who waits passes exactly when it was set meanwhile") {
    for_each_seed([](Dice& dice) {
        coir::Event event;
        int sets = 0;  // how often it has been set
        auto body = [&](int who) {
            for (int i = 0; i < 5; ++i) {
                pause(dice);
                if (who == 0) {
                    event.set();
                    ++sets;
                    if (dice.one_in(2)) event.clear();
                    coir::sleep(dice.moment(3));
                    continue;
                }
                const bool was_set = event.is_set();
                const int before = sets;
                try {
                    perhaps_limited(dice, [&] { event.wait(); });
                    CHECK((was_set || sets > before));
                } catch (const coir::TimeoutError&) {
                    CHECK_FALSE(was_set);
                }
            }
        };
        run_with_cancels(dice, 5, 30ms, body);
    });
}

TEST_CASE("rule 204-208: histories of conditions: the lock is held, and no notification is lost") {
    for_each_seed([](Dice& dice) {
        coir::Lock lock;
        coir::Condition condition;
        int tokens = 0;
        int made = 0;
        int used = 0;
        int inside = 0;
        // One notification for each token: were one lost, a waiter would be left with a token there.
        auto body = [&](int who) {
            for (int i = 0; i < 5; ++i) {
                pause(dice);
                std::unique_lock hold(lock);
                CHECK(++inside == 1);
                struct Leave {
                    int& inside;
                    ~Leave() { --inside; }
                } leave{inside};
                if (who % 2 == 0) {
                    ++tokens;
                    ++made;
                    condition.notify_one();
                    if (dice.one_in(3)) coir::sleep(dice.moment(2));
                    continue;
                }
                try {
                    perhaps_limited(dice, [&] {
                        while (tokens == 0) {
                            --inside;
                            struct Again {
                                int& inside;
                                coir::Lock& lock;
                                ~Again() {
                                    ++inside;
                                    if (!lock.locked()) std::abort();
                                }
                            } again{inside, lock};
                            condition.wait(hold);
                        }
                    });
                    CHECK(inside == 1);
                    --tokens;
                    ++used;
                } catch (const coir::TimeoutError&) {
                    CHECK(hold.owns_lock());
                    CHECK(inside == 1);
                }
            }
        };
        std::vector<coir::Task<void>> tasks;
        for (int who = 0; who < 6; ++who) {
            tasks.push_back(coir::create_task([&body, who] { body(who); }));
        }
        for (int i = dice.roll(4); i > 0; --i) {
            coir::sleep(dice.moment(4));
            tasks[static_cast<std::size_t>(dice.roll(6))].cancel();
        }
        coir::sleep(50ms);
        CHECK_FALSE(lock.locked());
        // Everybody has finished or waits; who waits does so because there is nothing.
        const bool somebody_waits =
            std::any_of(tasks.begin(), tasks.end(), [](auto& task) { return !task.done(); });
        if (somebody_waits) CHECK(tokens == 0);
        CHECK(made == used + tokens);
        for (auto& task : tasks) task.cancel();
        coir::sleep(50ms);
        for (auto& task : tasks) CHECK(task.done());
        CHECK_FALSE(lock.locked());
    });
}

TEST_CASE("rule 216-221: histories of barriers: everybody passes in groups, with numbers of their own") {
    for_each_seed([](Dice& dice) {
        const int parties = dice.roll(3) + 1;
        coir::Barrier barrier(parties);
        std::vector<int> passed(static_cast<std::size_t>(parties));  // how often each number came
        int arrived = 0;
        int left = 0;  // cancelled, timed out, or told that it is broken
        auto body = [&](int) {
            for (int i = 0; i < 5; ++i) {
                pause(dice);
                if (dice.one_in(30)) barrier.reset();
                ++arrived;
                try {
                    const std::size_t number =
                        perhaps_limited(dice, [&] { return barrier.wait(); });
                    REQUIRE(number < passed.size());
                    ++passed[number];
                } catch (const coir::CancelledError&) {
                    ++left;
                    throw;
                } catch (const std::runtime_error&) {
                    ++left;
                }
            }
        };
        run_with_cancels(dice, 6, 40ms, body);
        int all = 0;
        for (int count : passed) {
            CHECK(count == passed[0]);
            all += count;
        }
        CHECK(all + left == arrived);
        CHECK(barrier.n_waiting() == 0);
        CHECK_FALSE(barrier.broken());
    });
}

TEST_CASE("D34: histories of lazy values: one at a time, until one has succeeded, the same for all") {
    for_each_seed([](Dice& dice) {
        int at_it = 0;
        int succeeded = 0;
        coir::Lazy<int> lazy([&] {
            struct AtIt {
                explicit AtIt(int& n) : count(n) { CHECK(++count == 1); }
                ~AtIt() { --count; }
                int& count;
            } one(at_it);
            coir::sleep(dice.moment(3));
            if (dice.one_in(2)) throw std::runtime_error("not this time");
            return ++succeeded;
        });
        auto body = [&](int) {
            for (int i = 0; i < 3; ++i) {
                pause(dice);
                try {
                    const int value = perhaps_limited(dice, [&] { return lazy.get(); });
                    CHECK(value == 1);
                    CHECK(lazy.ready());
                } catch (const std::runtime_error&) {
                    // the initialiser's, or the limit's
                }
            }
        };
        run_with_cancels(dice, 6, 60ms, body);
        CHECK(at_it == 0);
        CHECK(succeeded <= 1);
        CHECK(lazy.ready() == (succeeded == 1));
    });
}

TEST_CASE("rule 226-228, D3: histories of selects: every value is received once, or is still its sender's") {
    for_each_seed([](Dice& dice) {
        coir::Channel<int> channels[3] = {coir::Channel<int>(0), coir::Channel<int>(1),
                                          coir::Channel<int>(dice.roll(3))};
        int last = 0;
        std::vector<int> sent;
        std::vector<int> received;
        auto take = [&](std::optional<int> value) {
            if (value) received.push_back(*value);
        };
        auto body = [&](int who) {
            for (int i = 0; i < 5; ++i) {
                pause(dice);
                auto& a = channels[dice.roll(3)];
                auto& b = channels[dice.roll(3)];
                if (dice.one_in(60)) a.close();
                const int value = ++last;
                auto note = [&sent, value] { sent.push_back(value); };
                try {
                    perhaps_limited(dice, [&] {
                        switch (who % 3) {
                            case 0:
                                coir::select(coir::case_receive(a, take), coir::case_receive(b, take));
                                break;
                            case 1:
                                coir::select(coir::case_receive(a, take),
                                             coir::case_send(b, value, note),
                                             coir::case_timeout(dice.moment(4), [] {}));
                                break;
                            default:
                                a.send(value);
                                note();
                                break;
                        }
                    });
                } catch (const coir::ChannelClosed&) {
                    // not sent
                } catch (const coir::TimeoutError&) {
                    // nor this
                }
            }
        };
        run_with_cancels(dice, 7, 50ms, body);
        for (auto& channel : channels) {
            while (std::optional<int> value = channel.try_receive()) received.push_back(*value);
        }
        std::sort(sent.begin(), sent.end());
        std::sort(received.begin(), received.end());
        CHECK(sent == received);
    });
}
