// SPDX-License-Identifier: BSL-1.0
// Blocking work on other threads, while the tasks of this one go on.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <stop_token>
#include <thread>

using namespace std::chrono_literals;

long slow_sum(long up_to) {
    std::this_thread::sleep_for(50ms);  // something that coir cannot make wait politely
    return up_to * (up_to + 1) / 2;
}

int main() {
    coir::run([] {
        int ticks = 0;
        auto ticker = coir::create_task([&ticks] {
            for (;; ++ticks) coir::sleep(5ms);
        });
        const auto [a, b] = coir::gather([] { return coir::to_thread(slow_sum, 100L); },
                                         [] { return coir::to_thread(slow_sum, 1000L); });
        ticker.cancel();
        std::printf("%ld %ld, and the loop went on: %s\n", a, b, ticks > 2 ? "yes" : "no");

        // A job that takes a std::stop_token learns of a timeout or cancellation.
        const bool stopped = coir::with_timeout(20ms, [] {
            return coir::to_thread([](std::stop_token stop) {
                while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
                return true;
            });
        });
        std::printf("asked to stop: %s\n", stopped ? "yes" : "no");
    });
}
