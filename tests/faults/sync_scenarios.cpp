// SPDX-License-Identifier: BSL-1.0
// Locks, queues, channels.
#include "scenario.hpp"

#include <coir/channel.hpp>
#include <coir/gather.hpp>
#include <coir/queue.hpp>
#include <coir/select.hpp>
#include <coir/sync.hpp>
#include <coir/task.hpp>
#include <coir/task_group.hpp>

#include <mutex>
#include <optional>
#include <shared_mutex>

namespace coir_faults {
namespace {

using namespace std::chrono_literals;
using Options = coir::RunOptions;

void queue(const Options& options) {
    in_loop(options, [] {
        coir::Queue<std::string> items(2);
        std::string got;
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task([&] {
                for (char c = 'a'; c < 'k'; ++c) items.put(std::string(40, c));
                items.shutdown();
            });
            group.create_task([&] {
                try {
                    for (;;) got += items.get().front();
                } catch (const coir::QueueShutDown&) {
                }
            });
        });
        expect(got == "abcdefghij", "every item, in order");
    });
}

void priority_queue(const Options& options) {
    in_loop(options, [] {
        coir::PriorityQueue<int> items;
        for (int item : {3, 9, 1, 7}) items.put(item);
        std::string got;
        while (!items.empty()) got += static_cast<char>('0' + items.get());
        expect(got == "9731" || got == "1379", "the order");
    });
}

void lock(const Options& options) {
    in_loop(options, [] {
        coir::Lock guard;
        int inside = 0;
        int entered = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 4; ++i) {
                group.create_task([&] {
                    const std::scoped_lock hold(guard);
                    expect(++inside == 1, "one at a time");
                    coir::yield_now();
                    --inside;
                    ++entered;
                });
            }
        });
        expect(entered == 4 && !guard.locked(), "all had their turn");
    });
}

void semaphore(const Options& options) {
    in_loop(options, [] {
        coir::BoundedSemaphore permits(2);
        int inside = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 5; ++i) {
                group.create_task([&] {
                    const std::scoped_lock hold(permits);
                    expect(++inside <= 2, "two at a time");
                    coir::yield_now();
                    --inside;
                });
            }
        });
        expect(inside == 0 && !permits.locked(), "all permits are back");
    });
}

void event(const Options& options) {
    in_loop(options, [] {
        coir::Event happened;
        int seen = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 3; ++i) {
                group.create_task([&] {
                    happened.wait();
                    ++seen;
                });
            }
            coir::yield_now();
            happened.set();
        });
        expect(seen == 3, "all were woken");
    });
}

void condition(const Options& options) {
    in_loop(options, [] {
        coir::Lock guard;
        coir::Condition changed;
        int stock = 0;
        int sold = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 3; ++i) {
                group.create_task([&] {
                    std::unique_lock hold(guard);
                    changed.wait(hold, [&] { return stock > 0; });
                    --stock;
                    ++sold;
                });
            }
            for (int i = 0; i < 3; ++i) {
                coir::yield_now();
                const std::unique_lock hold(guard);
                ++stock;
                changed.notify_one();
            }
        });
        expect(sold == 3 && stock == 0, "all were served");
    });
}

void barrier(const Options& options) {
    in_loop(options, [] {
        coir::Barrier line(3);
        std::size_t sum = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 3; ++i) group.create_task([&] { sum += line.wait(); });
        });
        expect(sum == 3, "each had a place of its own");
    });
}

void shared_lock(const Options& options) {
    in_loop(options, [] {
        coir::SharedLock guard;
        int readers = 0;
        int most = 0;
        int written = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 3; ++i) {
                group.create_task([&] {
                    const std::shared_lock hold(guard);
                    most = std::max(most, ++readers);
                    coir::yield_now();
                    --readers;
                });
            }
            group.create_task([&] {
                const std::unique_lock hold(guard);
                expect(readers == 0, "the writer is alone");
                ++written;
            });
        });
        expect(written == 1 && most == 3, "three readers, then a writer");
    });
}

void channel(const Options& options) {
    in_loop(options, [] {
        coir::Channel<int> numbers(1);
        int sum = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task([&] {
                for (int i = 1; i <= 6; ++i) numbers.send(i);
                numbers.close();
            });
            group.create_task([&] {
                for (int number : numbers) sum += number;
            });
        });
        expect(sum == 21, "every number");
    });
}

void select(const Options& options) {
    in_loop(options, [] {
        coir::Channel<int> in;
        coir::Channel<int> out;
        int got = 0;
        int timeouts = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task([&] { in.send(5); });
            group.create_task([&] {
                for (int round = 0; round < 2; ++round) {
                    coir::select(coir::case_receive(in, [&](std::optional<int> v) { got = v.value_or(-1); }),
                                 coir::case_receive(out, [&](std::optional<int>) { got = -2; }),
                                 coir::case_timeout(1ms, [&] { ++timeouts; }));
                }
            });
        });
        expect(got == 5 && timeouts == 1, "one of each");
    });
}

constexpr Scenario list[] = {
    {"queue", queue},         {"priority_queue", priority_queue},
    {"lock", lock},           {"semaphore", semaphore},
    {"event", event},         {"condition", condition},
    {"barrier", barrier},     {"shared_lock", shared_lock},
    {"channel", channel},     {"select", select},
};

}  // namespace

const std::span<const Scenario> sync_scenarios(list);

}  // namespace coir_faults
