// SPDX-License-Identifier: BSL-1.0
// Workers on a queue; in Python: 06_queue.py.
#include <coir/coir.hpp>

#include <cstdio>

int main() {
    coir::run([] {
        coir::Queue<int> queue(2);
        int sum = 0;
        auto worker = coir::create_task([&] {
            for (;;) {
                sum += queue.get();
                queue.task_done();
            }
        });
        for (int i = 1; i <= 10; ++i) queue.put(i);
        queue.join();
        worker.cancel();
        std::printf("sum %d\n", sum);
    });
}
