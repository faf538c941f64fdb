// SPDX-License-Identifier: BSL-1.0
// What waiting in libc's calls costs.
#include "probes.hpp"

#include <fstream>
#include <memory>
#include <vector>

#include <sys/resource.h>

using namespace legacy_test;

namespace {

// Bytes that are resident.
std::size_t resident() {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("memory: 5000 tasks that wait in read() take less than 50 MB", "[legacy]") {
    if (COIR_ASAN || COIR_TSAN) COIR_SKIP("a sanitizer's own memory is not the question");
    constexpr std::size_t count = 5'000;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < 2 * count + 100) COIR_SKIP("10,100 descriptors are not allowed here");
    const rlimit before = limit;
    limit.rlim_cur = 2 * count + 100;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    coir_test::run_in_loop([&] {
        const auto pairs = std::make_unique<Pair[]>(count);
        std::vector<coir::Task<char>> tasks;
        tasks.reserve(count);
        const std::size_t base = resident();
        for (std::size_t i = 0; i < count; ++i) {
            tasks.push_back(coir::create_task([&pair = pairs[i]] {
                char byte = 0;
                return ::read(pair.fd[0], &byte, 1) == 1 ? byte : '-';
            }));
        }
        coir::sleep(10ms);
        const std::size_t taken = resident() - base;
        CAPTURE(taken / count);
        CHECK(taken < 50'000'000);
        for (std::size_t i = 0; i < count; ++i) CHECK(::write(pairs[i].fd[1], "x", 1) == 1);
        bool right = true;
        for (auto& task : tasks) right = coir::await(task) == 'x' && right;
        CHECK(right);
    });
    ::setrlimit(RLIMIT_NOFILE, &before);
}
