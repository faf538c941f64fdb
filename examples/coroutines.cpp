// SPDX-License-Identifier: BSL-1.0
// Coroutines beside tasks: a coroutine waits for a task, and a task for the coroutine.
#include <chrono>
#include <coir/coir.hpp>
#include <coir/interop/coroutine.hpp>
#include <cstdio>

using namespace std::chrono_literals;

// A task waits anywhere: this is an ordinary function.
int price_of(const char* what) {
    coir::sleep(10ms);
    std::printf("asked for the price of %s\n", what);
    return 3;
}

// A coroutine says where it waits. It returns a Future, and begins at once.
coir::Future<int> price_of_both() {
    auto tea = coir::create_task(price_of, "tea");
    auto cake = coir::create_task(price_of, "cake");
    const int first = co_await tea;
    co_return first + co_await cake;
}

int main() {
    const int total = coir::run([] { return coir::await(price_of_both()); });
    std::printf("together %d\n", total);
}
