// SPDX-License-Identifier: BSL-1.0
// One at a time; in Python: 07_lock.py.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <mutex>

using namespace std::chrono_literals;

int main() {
    coir::run([] {
        coir::Lock lock;
        const auto work = [&](int number) {
            const std::scoped_lock held(lock);
            std::printf("%d in\n", number);
            coir::sleep(1ms);
            std::printf("%d out\n", number);
        };
        coir::gather([&] { work(1); }, [&] { work(2); });
    });
}
