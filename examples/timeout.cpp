// SPDX-License-Identifier: BSL-1.0
// Deadlines are scopes around any code; what suspends inside is interrupted when the time comes.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

int main() {
    coir::run([] {
        try {
            coir::with_timeout(50ms, [] {
                std::puts("working...");
                coir::sleep(1h);  // could be a read, a lock, a call into other code that waits
            });
        } catch (const coir::TimeoutError&) {
            std::puts("gave up after 50 ms");
        }

        // One job with a limit. A result that is there wins, also at the last moment.
        const int value = coir::wait_for([] { return 7; }, 1s);
        std::printf("in time: %d\n", value);

        // The scope can be moved while it runs.
        coir::with_timeout(10ms, [](coir::Timeout& timeout) {
            timeout.reschedule(coir::get_running_loop().time() + 1h);
            coir::sleep(20ms);
            std::puts("rescheduled, so not interrupted");
        });

        // shield() keeps a timeout from reaching what it wraps.
        auto slow = coir::create_task([] {
            coir::sleep(30ms);
            return 9;
        });
        try {
            coir::wait_for(coir::shield(slow), 5ms);
        } catch (const coir::TimeoutError&) {
            std::printf("the job went on: %d\n", coir::await(slow));
        }
    });
}
