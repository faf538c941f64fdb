// SPDX-License-Identifier: BSL-1.0
// At most ten at once: a hundred tasks share a semaphore's permits.
#include <coir/coir.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>

using namespace std::chrono_literals;

int main() {
    coir::run([] {
        coir::Semaphore limit(10);
        int running = 0;
        int most = 0;
        int finished = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 100; ++i) {
                group.create_task([&] {
                    std::scoped_lock permit(limit);  // waits while ten others hold one
                    most = std::max(most, ++running);
                    coir::sleep(1ms);  // a request to a server that must not be overrun
                    --running;
                    ++finished;
                });
            }
        });
        std::printf("%d requests, at most %d at once\n", finished, most);
    });
}
