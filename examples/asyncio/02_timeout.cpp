// SPDX-License-Identifier: BSL-1.0
// A limit on the time of anything; in Python: 02_timeout.py.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

int main() {
    coir::run([] {
        try {
            coir::with_timeout(10ms, [] { coir::sleep(1h); });
        } catch (const coir::TimeoutError&) {
            std::puts("too slow");
        }
        const int answer = coir::wait_for(coir::create_task([] { return 42; }), 1h);
        std::printf("answer %d\n", answer);
    });
}
