// SPDX-License-Identifier: BSL-1.0
// Workers that share a bounded queue: put() waits while it is full, get() while it is empty.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

int main() {
    coir::run([] {
        coir::Queue<int> jobs(4);
        int sum = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int worker = 0; worker < 3; ++worker) {
                group.create_task([&] {
                    try {
                        for (;;) {
                            const int job = jobs.get();
                            coir::sleep(1ms);
                            sum += job;
                            jobs.task_done();
                        }
                    } catch (const coir::QueueShutDown&) {
                        // nothing more will come
                    }
                });
            }
            for (int job = 1; job <= 100; ++job) jobs.put(job);
            jobs.join();
            jobs.shutdown();
        });
        std::printf("sum of 100 jobs: %d\n", sum);
    });
}
