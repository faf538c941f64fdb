// SPDX-License-Identifier: BSL-1.0
// Channels between tasks, and select() for the first of several things that can happen.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

using namespace std::chrono_literals;

int main() {
    coir::run([] {
        coir::Channel<std::string> lines;  // no room: a sender waits until its value is received
        coir::Channel<int> numbers(2);     // up to two values wait in it

        auto talker = coir::create_task([&] {
            lines.send("hello");
            coir::sleep(10ms);
            lines.send("and goodbye");
        });
        auto counter = coir::create_task([&] {
            coir::sleep(5ms);
            numbers.send(42);
        });

        bool quiet = false;
        while (!quiet) {
            coir::select(
                coir::case_receive(lines,
                                   [](std::optional<std::string> line) {
                                       if (line) std::printf("line: %s\n", line->c_str());
                                   }),
                coir::case_receive(numbers,
                                   [](std::optional<int> number) {
                                       if (number) std::printf("number: %d\n", *number);
                                   }),
                coir::case_timeout(300ms, [&] { quiet = true; }));
        }
        std::puts("nothing more");

        // A loop over a channel ends when it is closed.
        auto squares = coir::create_task([&] {
            for (int i = 1; i <= 4; ++i) numbers.send(i * i);
            numbers.close();
        });
        int sum = 0;
        for (int square : numbers) sum += square;
        std::printf("sum of the squares: %d\n", sum);
    });
}
