// SPDX-License-Identifier: BSL-1.0
// Two calls that wait, made by ordinary functions, running at the same time.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

int price_of(const char* what, int price, std::chrono::milliseconds delay) {
    coir::sleep(delay);  // suspends this task, not the thread; so would a read from a socket
    std::printf("%s costs %d\n", what, price);
    return price;
}

int main() {
    const int total = coir::run([] {
        auto tea = coir::create_task(price_of, "tea", 3, 200ms);
        auto cake = coir::create_task(price_of, "cake", 4, 100ms);
        return coir::await(tea) + coir::await(cake);
    });
    std::printf("together %d\n", total);  // after 0.2 seconds, not 0.3
}
