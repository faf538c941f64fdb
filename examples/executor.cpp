// SPDX-License-Identifier: BSL-1.0
// A pool of threads of one's own, with a limit, and the way back from its threads to the loop.
#include <coir/coir.hpp>

#include <cstdio>
#include <latch>
#include <string>
#include <vector>

int main() {
    // Two jobs at a time, as a database might allow; at most one more may wait.
    coir::ThreadPool database(2, {.name = "database", .max_queued = 1});
    coir::run([&] {
        std::latch answer(1);
        std::vector<coir::Future<int>> queries;
        for (int i = 0; i < 4; ++i) {
            try {
                queries.push_back(coir::run_in_executor(database, [i, &answer] {
                    answer.wait();  // a blocking call
                    return i * i;
                }));
            } catch (const coir::QueueFull&) {
                std::printf("query %d: too busy\n", i);
            }
            if (i == 1) {  // until both threads are at work
                while (database.metrics().running < 2) coir::yield_now();
            }
        }
        queries[2].cancel();  // not begun: it never will
        answer.count_down();
        std::printf("%d %d\n", coir::await(queries[0]), coir::await(queries[1]));

        // A blocking library that calls back: the callback runs as a task of the loop.
        coir::EventLoop& loop = coir::get_running_loop();
        const std::string said = coir::to_thread([&loop] {
            return coir::from_thread::run(loop, [] {
                coir::sleep(std::chrono::milliseconds(1));  // only a task can
                return std::string("from the loop");
            });
        });
        std::printf("%s\n", said.c_str());
    });
    database.shutdown();
    std::printf("withdrawn: %d, rejected: %d\n", static_cast<int>(database.metrics().withdrawn),
                static_cast<int>(database.metrics().rejected));
}
