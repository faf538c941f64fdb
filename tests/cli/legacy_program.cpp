// SPDX-License-Identifier: BSL-1.0
// A program of tasks that block in libc, for legacy_run_test.sh: "overlap" sleeps ten times 50 ms
// in as many tasks and prints whether that went at once; "status N" exits with N; "signal" kills
// itself.
#include <unistd.h>

#include <chrono>
#include <coir/coir.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

void overlap() {
    const auto start = std::chrono::steady_clock::now();
    std::vector<coir::Task<void>> tasks;
    for (int i = 0; i < 10; ++i) tasks.push_back(coir::create_task([] { ::usleep(50'000); }));
    for (auto& task : tasks) coir::await(task);
    const auto took = std::chrono::steady_clock::now() - start;
    const std::string name(coir::get_running_loop().reactor_name());
    std::printf("%s %s\n", took < std::chrono::milliseconds(400) ? "at-once" : "one-by-one",
                name.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "status" && argc > 2) return std::atoi(argv[2]);
    if (what == "signal") std::raise(SIGTERM);
    coir::run(overlap);
    return 0;
}
