// SPDX-License-Identifier: BSL-1.0
// Threads, and back into the loop; in Python: 11_threads.py.
#include <coir/coir.hpp>

#include <cstdio>

int main() {
    coir::run([] {
        auto& loop = coir::get_running_loop();
        coir::Event told;
        const int result = coir::to_thread([&] {
            loop.call_soon_threadsafe([&] { told.set(); });
            return 6 * 7;
        });
        told.wait();
        std::printf("%d\n", result);
    });
}
