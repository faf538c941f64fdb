// SPDX-License-Identifier: BSL-1.0
// A starting gun; in Python: 09_event.py.
#include <coir/coir.hpp>

#include <cstdio>

int main() {
    coir::run([] {
        coir::Event start;
        const auto runner = [&](int number) {
            start.wait();
            std::printf("runner %d\n", number);
        };
        auto first = coir::create_task(runner, 1);
        auto second = coir::create_task(runner, 2);
        coir::yield_now();
        std::puts("go");
        start.set();
        coir::await(first);
        coir::await(second);
    });
}
