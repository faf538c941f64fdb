// SPDX-License-Identifier: BSL-1.0
// What must not be cancelled; in Python: 05_shield.py.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

int main() {
    coir::run([] {
        auto saving = coir::create_task([] {
            coir::sleep(10ms);
            std::puts("saved");
        });
        auto caller = coir::create_task([&] { coir::await(coir::shield(saving)); });
        coir::yield_now();
        caller.cancel();
        try {
            coir::await(caller);
        } catch (const coir::TaskCancelledError&) {
            std::puts("the caller is gone");
        }
        coir::await(saving);
    });
}
