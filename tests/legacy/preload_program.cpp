// SPDX-License-Identifier: BSL-1.0
// An ordinary coir program whose tasks use blocking libc calls: 10 times 50 ms. With libcoir-legacy
// preloaded they pass at once, without it one by one. The argument says what to expect.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include <poll.h>
#include <unistd.h>

int main(int argc, char** argv) {
    const bool at_once = argc == 2 && std::strcmp(argv[1], "at-once") == 0;
    const auto start = std::chrono::steady_clock::now();
    coir::run([] {
        std::vector<coir::Task<void>> tasks;
        for (int i = 0; i < 10; ++i) {
            tasks.push_back(coir::create_task([i] {
                if (i % 2 == 0) {
                    ::usleep(50'000);
                } else {
                    ::poll(nullptr, 0, 50);
                }
            }));
        }
        for (auto& task : tasks) coir::await(task);
    });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("%.3f s\n", took.count());
    return at_once == (took.count() < 0.4) ? 0 : 1;
}
