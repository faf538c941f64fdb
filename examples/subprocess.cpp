// SPDX-License-Identifier: BSL-1.0
// Subprocesses: several programs at once, fed and read without a deadlock, and one that takes too
// long.
#include <coir/coir.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

std::string sorted(const std::string& lines) {
    auto sort = coir::create_subprocess_exec(
        {"sort"}, {.stdin_ = coir::Stdio::pipe(), .stdout_ = coir::Stdio::pipe()});
    return sort.communicate(lines).stdout_;
}

int main() {
    coir::run([] {
        auto [fruit, numbers] = coir::gather([] { return sorted("pear\napple\n"); },
                                             [] { return sorted("2\n3\n1\n"); });
        std::cout << fruit << numbers;

        auto shell = coir::create_subprocess_shell("exit 3");
        std::cout << "the shell returned " << shell.wait().code() << '\n';

        try {
            coir::create_subprocess_exec({"no-such-program"});
        } catch (const coir::IoError& error) {
            std::cout << error.code().message() << '\n';
        }

        // A process ends with its handle: nothing is left behind when the time is over.
        try {
            coir::with_timeout(20ms, [] {
                auto sleeper = coir::create_subprocess_exec({"sleep", "3600"});
                sleeper.wait();
            });
        } catch (const coir::TimeoutError&) {
            std::cout << "too slow, killed\n";
        }
    });
}
