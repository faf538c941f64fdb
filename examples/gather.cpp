// SPDX-License-Identifier: BSL-1.0
// Several jobs at once, their results in order; the first failure stops the rest.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

int main() {
    coir::run([] {
        // Callables become tasks; results come back in the order of the arguments.
        auto [number, text] = coir::gather(
            [] {
                coir::sleep(20ms);
                return 42;
            },
            [] {
                coir::sleep(10ms);
                return std::string("answers");
            });
        std::printf("%d %s\n", number, text.c_str());

        std::vector<coir::Task<int>> squares;
        for (int i = 1; i <= 5; ++i) {
            squares.push_back(coir::create_task([i] {
                coir::sleep(std::chrono::milliseconds(6 - i));
                return i * i;
            }));
        }
        for (int square : coir::gather(squares)) std::printf("%d ", square);
        std::printf("\n");

        try {
            coir::gather([] { coir::sleep(1h); },  // cancelled and joined when the other fails
                         [] { throw std::runtime_error("no luck"); });
        } catch (const std::runtime_error& error) {
            std::printf("gather: %s\n", error.what());
        }
    });
}
