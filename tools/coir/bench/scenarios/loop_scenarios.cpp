// SPDX-License-Identifier: BSL-1.0
// The scenarios switch, spawn and timers: what the scheduler costs on each reactor.
#include "bench/at_once.hpp"
#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/scenarios.hpp"
#include "table.hpp"

#include "support/histogram.hpp"

#include <coir/await.hpp>
#include <coir/run.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <thread>
#include <type_traits>
#include <vector>

namespace coir_tool {
namespace {

Measured measure_switches(unsigned task_count, double seconds) {
    bool stop = false;
    std::vector<coir::Task<void>> tasks;
    for (unsigned i = 1; i < task_count; ++i) {
        tasks.push_back(coir::create_task([&stop] {
            while (!stop) coir::yield_now();
        }));
    }
    const unsigned turns_at_once = std::max(1u, 20'000 / task_count);
    Measured measured = time_parts(seconds, &coir::get_running_loop(), [&] {
        for (unsigned turn = 0; turn < turns_at_once; ++turn) coir::yield_now();
        return static_cast<double>(turns_at_once) * task_count;
    });
    stop = true;
    for (auto& task : tasks) coir::await(task);
    return measured;
}

// Starts so many, joins them all, and again.
template <class Start, class Join>
Measured measure_starts(unsigned at_once, double seconds, const coir::EventLoop* loop,
                        const Start& start, const Join& join) {
    std::vector<std::invoke_result_t<Start>> started;
    started.reserve(at_once);
    const unsigned batches = std::max(1u, 2000 / at_once);
    return time_parts(seconds, loop, [&] {
        for (unsigned batch = 0; batch < batches; ++batch) {
            for (unsigned i = 0; i < at_once; ++i) started.push_back(start());
            for (auto& one : started) join(one);
            started.clear();
        }
        return static_cast<double>(batches) * at_once;
    });
}

Measured measure_spawns(unsigned at_once, double seconds) {
    double ran = 0;
    return measure_starts(
        at_once, seconds, &coir::get_running_loop(),
        [&] { return coir::create_task([&ran] { ++ran; }); },
        [](coir::Task<void>& task) { coir::await(task); });
}

Measured measure_threads(unsigned at_once, double seconds) {
    std::atomic<unsigned> ran = 0;
    return measure_starts(
        at_once, seconds, nullptr, [&] { return std::thread([&ran] { ++ran; }); },
        [](std::thread& thread) { thread.join(); });
}

constexpr std::size_t timer_count = 20'000;

// Sums of stretches, taken apart by what was done in them.
constexpr double Sample::*summed[] = {&Sample::cpu_ns_per_op, &Sample::polls_per_op,
                                      &Sample::syscalls_per_op, &Sample::switches_per_op};

Sample no_sum() {
    Sample sum;
    for (double Sample::*field : summed) sum.*field = 0;
    return sum;
}
struct TimerSums {
    Sample arm = no_sum(), cancel = no_sum(), fire = no_sum();
};

void add(Sample& sum, const Sample& part) {
    sum.value += part.value * part.operations;
    for (double Sample::*field : summed) sum.*field += part.*field * part.operations;
    sum.rss_bytes = part.rss_bytes;
    sum.operations += part.operations;
}

Measured average(Sample sum) {
    sum.value /= sum.operations;
    for (double Sample::*field : summed) sum.*field /= sum.operations;
    return {sum, nullptr};
}

class TimerBench {
public:
    TimerBench() : loop_(coir::get_running_loop()), delays_(timer_count), order_(timer_count) {
        std::mt19937_64 random(1);
        for (std::size_t i = 0; i < timer_count; ++i) {
            delays_[i] = std::chrono::nanoseconds(random() % 2'000'000);
            order_[i] = i;
        }
        std::shuffle(order_.begin(), order_.end(), random);
        handles_.reserve(timer_count);
    }

    void round(TimerSums& sums) {
        {
            const Stretch stretch;
            for (const auto delay : delays_) {
                handles_.push_back(loop_.call_later(std::chrono::hours(1) + delay, [] {}));
            }
            add(sums.arm, stretch.finish(timer_count).sample);
        }
        {
            const Stretch stretch;
            for (const std::size_t index : order_) handles_[index].cancel();
            add(sums.cancel, stretch.finish(timer_count).sample);
        }
        handles_.clear();
        coir::yield_now();
        add(sums.fire, fire());
    }

private:
    // All come due within two milliseconds; only their CPU time counts, for they are waited for.
    Sample fire() {
        std::size_t fired = 0;
        coir::Future<void> all = coir::create_future<void>();
        for (const auto delay : delays_) {
            loop_.call_later(delay, [&fired, &all] {
                if (++fired == timer_count) all.set_result();
            });
        }
        const Stretch stretch;
        coir::await(all);
        Sample sample = stretch.finish(timer_count).sample;
        sample.value = sample.cpu_ns_per_op;
        return sample;
    }

    coir::EventLoop& loop_;
    std::vector<std::chrono::nanoseconds> delays_;
    std::vector<std::size_t> order_;
    std::vector<coir::TimerHandle> handles_;
};

std::vector<Measured> measure_timers(double seconds) {
    TimerBench bench;
    TimerSums sums;
    bench.round(sums);
    sums = {};
    repeat_for(seconds, [&] { bench.round(sums); });
    return {average(sums.arm), average(sums.cancel), average(sums.fire)};
}

Measured measure_lateness(double seconds) {
    const auto late = std::make_shared<coir_bench::Histogram>();
    std::mt19937_64 random(2);
    const Stretch stretch;
    repeat_for(seconds, [&] {
        const auto asked = std::chrono::nanoseconds(100'000 + random() % 900'000);
        const coir::TimePoint due = coir::get_running_loop().time() + asked;
        coir::sleep_until(due);
        late->record(static_cast<std::uint64_t>((coir::get_running_loop().time() - due).count()));
    });
    Measured measured = stretch.finish(static_cast<double>(late->total()));
    set_latency(measured, late);
    measured.sample.value = measured.sample.p50_ns;
    return measured;
}

}  // namespace

Workload switch_workload(unsigned tasks) {
    return loop_workload(
        "switch", "yield_now() among ready tasks, per switch",
        {{format_whole(tasks) + " tasks", "ns", false, "tasks", static_cast<double>(tasks)}},
        [tasks](double seconds) { return std::vector{measure_switches(tasks, seconds)}; });
}

Workload spawn_workload(unsigned at_once) {
    return loop_workload(
        "spawn", "create_task() and await(), per task; threads: std::thread and join()",
        {{at_once_phrase(at_once), "ns", false, "at once", static_cast<double>(at_once)}},
        [at_once](double seconds) { return std::vector{measure_spawns(at_once, seconds)}; },
        {{threads_baseline,
          [at_once](double seconds) { return std::vector{measure_threads(at_once, seconds)}; }}});
}

Workload timers_workload() {
    return loop_workload(
        "timers",
        "call_later() with 20,000 timers, per timer; fire: CPU time; late: sleeps of 0.1 to 1 ms",
        {{"arm", "ns", false, {}, 0}, {"cancel", "ns", false, {}, 0}, {"fire", "ns", false, {}, 0}},
        measure_timers);
}

Workload lateness_workload() {
    return loop_workload("timers", {}, {{"late", "ns", false, {}, 0}}, [](double seconds) {
        return std::vector{measure_lateness(seconds)};
    });
}

}  // namespace coir_tool
