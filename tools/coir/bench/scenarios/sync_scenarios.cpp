// SPDX-License-Identifier: BSL-1.0
// The scenarios channel and mutex: how tasks of one loop hand something to each other, and how threads
// do.
#include "bench/at_once.hpp"
#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/scenarios.hpp"

#include <coir/await.hpp>
#include <coir/channel.hpp>
#include <coir/lock.hpp>
#include <coir/queue.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <sched.h>

namespace coir_tool {
namespace {

constexpr std::size_t queue_room = 64;
constexpr int the_end = -1;

// As coir's, for threads.
class BlockingQueue {
public:
    explicit BlockingQueue(std::size_t room) : room_(room) {}

    void put(int item) {
        std::unique_lock lock(mutex_);
        has_room_.wait(lock, [&] { return items_.size() < room_; });
        items_.push_back(item);
        has_items_.notify_one();
    }
    int get() {
        std::unique_lock lock(mutex_);
        has_items_.wait(lock, [&] { return !items_.empty(); });
        const int item = items_.front();
        items_.pop_front();
        has_room_.notify_one();
        return item;
    }

private:
    const std::size_t room_;
    std::mutex mutex_;
    std::condition_variable has_room_;
    std::condition_variable has_items_;
    std::deque<int> items_;
};

template <class Put>
Measured time_puts(double seconds, const coir::EventLoop* loop, const Put& put) {
    constexpr int at_once = 1000;
    return time_parts(seconds, loop, [&] {
        for (int i = 0; i < at_once; ++i) put(i);
        return static_cast<double>(at_once);
    });
}

template <class Put, class Get>
Measured measure_tasks(double seconds, const Put& put, const Get& get) {
    auto getter = coir::create_task([&] {
        while (get() != the_end) {
        }
    });
    const Measured measured = time_puts(seconds, &coir::get_running_loop(), put);
    put(the_end);
    coir::await(getter);
    return measured;
}

std::vector<Measured> measure_channels(double seconds) {
    coir::Queue<int> queue(queue_room);
    coir::Channel<int> channel;
    return {measure_tasks(seconds / 2, [&](int item) { queue.put(item); },
                          [&] { return queue.get(); }),
            measure_tasks(seconds / 2, [&](int item) { channel.send(item); },
                          [&] { return channel.receive().value_or(the_end); })};
}

Measured measure_thread_queue(double seconds, std::size_t room) {
    BlockingQueue queue(room);
    std::thread getter([&] {
        while (queue.get() != the_end) {
        }
    });
    const Measured measured = time_puts(seconds, nullptr, [&](int item) { queue.put(item); });
    queue.put(the_end);
    getter.join();
    return measured;
}

constexpr unsigned contenders = 16;

template <class Mutex>
Measured measure_uncontended(double seconds, const coir::EventLoop* loop, Mutex& mutex) {
    constexpr int at_once = 1000;
    return time_parts(seconds, loop, [&] {
        for (int i = 0; i < at_once; ++i) {
            mutex.lock();
            coir_bench::keep(mutex);
            mutex.unlock();
        }
        return static_cast<double>(at_once);
    });
}

// The one that has it lets the others run, so that all of them wait for it.
template <class Mutex, class Yield>
Operation contend_for(Mutex& mutex, const Yield& yield) {
    return [&mutex, yield](unsigned) {
        mutex.lock();
        yield();
        mutex.unlock();
    };
}

// Not how long each waited: the others' turns.
Measured time_per_turn(Measured measured) {
    measured.sample.value = 1e9 / measured.sample.value;
    return measured;
}

std::vector<Measured> measure_locks(double seconds) {
    coir::Lock lock;
    return {measure_uncontended(seconds / 2, &coir::get_running_loop(), lock),
            time_per_turn(repeat_in_tasks(contenders, seconds / 2,
                                          contend_for(lock, [] { coir::yield_now(); })))};
}

std::vector<Measured> measure_mutexes(double seconds) {
    std::mutex mutex;
    return {measure_uncontended(seconds / 2, nullptr, mutex),
            time_per_turn(repeat_in_threads(contenders, seconds / 2,
                                            contend_for(mutex, [] { ::sched_yield(); })))};
}

}  // namespace

Workload channel_workload() {
    return loop_workload("channel",
                         "from one task to another, per item; threads: a mutex and two conditions",
                         {{"Queue of 64", "ns", false, {}, 0}, {"Channel of 0", "ns", false, {}, 0}},
                         measure_channels,
                         {{threads_baseline, [](double seconds) {
                               return std::vector{measure_thread_queue(seconds / 2, queue_room),
                                                  measure_thread_queue(seconds / 2, 1)};
                           }}});
}

Workload mutex_workload() {
    return loop_workload(
        "mutex", "lock and unlock a Lock, per turn; threads: a std::mutex",
        {{"uncontended", "ns", false, {}, 0}, {"16 at once", "ns", false, "at once", contenders}},
        measure_locks, {{threads_baseline, measure_mutexes}});
}

}  // namespace coir_tool
