// SPDX-License-Identifier: BSL-1.0
// A queue whose workers sleep while they hold its std::mutex. Each worker is a task of one thread.
#include <coir/coir.hpp>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

std::mutex mutex;
std::condition_variable filled;
std::deque<int> jobs;
int sum = 0;
void work() {
    std::unique_lock<std::mutex> held(mutex);
    for (;; jobs.pop_front()) {
        filled.wait(held, [] { return !jobs.empty(); });
        if (jobs.front() < 0) return;
        sum += jobs.front();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));  // with the lock held
    }
}

int main() {
    std::promise<int> promise;
    coir::run([&] {
        coir::with_task_group([&](coir::TaskGroup& workers) {
            for (int i = 0; i < 10; ++i) workers.create_task(work);
            workers.create_task([&] { promise.set_value(40); });
            for (int i = 0; i <= 41; ++i) {
                const std::lock_guard<std::mutex> held(mutex);
                jobs.push_back(i < 41 ? i : -1);
                filled.notify_all();
            }
        });
        std::printf("%d jobs make %d\n", promise.get_future().get(), sum);
    });
}
