// SPDX-License-Identifier: BSL-1.0
// Cancellation, and cleaning up; in Python: 04_cancellation.py.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

struct Announce {
    ~Announce() { std::puts("cleaned up"); }
};

int main() {
    coir::run([] {
        auto worker = coir::create_task([] {
            const Announce announce;
            coir::sleep(1h);
        });
        coir::yield_now();
        worker.cancel();
        try {
            coir::await(worker);
        } catch (const coir::TaskCancelledError&) {  // its cancellation, not ours
            std::puts("cancelled");
        }
    });
}
