// SPDX-License-Identifier: BSL-1.0
// A group whose child fails; in Python: 03_task_group.py.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>

using namespace std::chrono_literals;

void patient() {
    try {
        coir::sleep(1h);
    } catch (const coir::CancelledError&) {
        std::puts("the sibling is cancelled");
        throw;
    }
}

int main() {
    coir::run([] {
        try {
            coir::with_task_group([](coir::TaskGroup& group) {
                group.create_task(patient);
                group.create_task([] { throw std::out_of_range("no such thing"); });
            });
        } catch (const coir::ExceptionGroup& errors) {
            std::printf("errors: %zu\n", errors.exceptions().size());
        }
    });
}
