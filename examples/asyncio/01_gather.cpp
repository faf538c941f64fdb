// SPDX-License-Identifier: BSL-1.0
// Several things at once; in Python: 01_gather.py.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

int price_of(const char* what, int price, std::chrono::milliseconds delay) {
    coir::sleep(delay);
    std::printf("%s costs %d\n", what, price);
    return price;
}

int main() {
    coir::run([] {
        auto [tea, cake] = coir::gather([] { return price_of("tea", 3, 20ms); },
                                        [] { return price_of("cake", 4, 5ms); });
        std::printf("together %d\n", tea + cake);
    });
}
