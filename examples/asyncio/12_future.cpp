// SPDX-License-Identifier: BSL-1.0
// Futures and callbacks; in Python: 12_future.py.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

int main() {
    coir::run([] {
        auto& loop = coir::get_running_loop();
        auto answer = loop.create_future<int>();
        loop.call_soon([] { std::puts("soon"); });
        loop.call_later(5ms, [answer] { answer.set_result(42); });
        std::printf("answer %d\n", coir::await(answer));
    });
}
