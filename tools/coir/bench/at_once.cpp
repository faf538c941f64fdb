// SPDX-License-Identifier: BSL-1.0
#include "at_once.hpp"

#include "table.hpp"

#include <coir/await.hpp>

#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace coir_tool {

using coir_bench::Histogram;

std::string at_once_phrase(unsigned count) {
    return count == 1 ? "one by one" : format_whole(count) + " at once";
}

void work_until(std::int64_t end_ns, unsigned worker, const Operation& operation,
                Histogram& latency) {
    std::int64_t before = coir_bench::now_ns();
    do {
        operation(worker);
        const std::int64_t after = coir_bench::now_ns();
        latency.record(static_cast<std::uint64_t>(after - before));
        before = after;
    } while (before < end_ns);
}

Measured repeat_until(double seconds, const coir::EventLoop* loop,
                      const std::function<void(std::int64_t, Histogram&)>& run) {
    const auto end_after = [](double part) {
        return coir_bench::now_ns() + static_cast<std::int64_t>(part * 1e9);
    };
    const auto latency = std::make_shared<Histogram>();
    run(end_after(seconds / 5), *latency);
    *latency = {};
    const Stretch stretch(loop);
    run(end_after(seconds), *latency);
    Measured measured = stretch.finish(static_cast<double>(latency->total()));
    measured.sample.value = 1e9 / measured.sample.value;
    set_latency(measured, latency);
    return measured;
}

Measured repeat_in_tasks(unsigned workers, double seconds, const Operation& operation) {
    return repeat_until(
        seconds, &coir::get_running_loop(), [&](std::int64_t end_ns, Histogram& latency) {
            std::vector<coir::Task<void>> tasks;
            for (unsigned worker = 0; worker < workers; ++worker) {
                tasks.push_back(coir::create_task(
                    [&, worker] { work_until(end_ns, worker, operation, latency); }));
            }
            for (auto& task : tasks) coir::await(task);
        });
}

Measured repeat_in_threads(unsigned workers, double seconds, const Operation& operation) {
    return repeat_until(seconds, nullptr, [&](std::int64_t end_ns, Histogram& latency) {
        std::vector<Histogram> each(workers);
        run_in_threads(workers, [&](unsigned worker) {
            work_until(end_ns, worker, operation, each[worker]);
        });
        for (const Histogram& one : each) latency.merge(one);
    });
}

void run_in_threads(unsigned count, const std::function<void(unsigned worker)>& body) {
    std::mutex mutex;
    std::exception_ptr error;
    std::vector<std::thread> threads;
    for (unsigned worker = 0; worker < count; ++worker) {
        threads.emplace_back([&, worker] {
            try {
                body(worker);
            } catch (...) {
                const std::lock_guard guard(mutex);
                if (!error) error = std::current_exception();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    if (error) std::rethrow_exception(error);
}

}  // namespace coir_tool
