// SPDX-License-Identifier: BSL-1.0
// A bug that no test on a real loopback finds, found in a simulated world, made small and shown in words:
// the server takes what one read returns for a whole request. See docs/simulation.md.
#include <coir/coir.hpp>
#include <coir/testing.hpp>

#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace testing = coir::testing;

namespace {

// Answers "sum 2 3\n" by "5\n".
std::string answer(const std::string& request) {
    const std::size_t space = request.find(' ', 4);
    if (!request.starts_with("sum ") || space == request.npos) return "what?\n";
    return std::to_string(std::stoi(request.substr(4)) + std::stoi(request.substr(space))) + "\n";
}

void serve(coir::Stream& client) {
    for (std::string request; !(request = client.read(100)).empty();) client.write(answer(request));
}

void test_sum() {
    coir::run([] {
        auto server = coir::start_server(&serve, "127.0.0.1", 0);
        auto client = coir::open_connection("127.0.0.1", server.port());
        client.write("sum 20 22\n");
        const std::string got = client.readline().value_or("nothing");
        if (got != "42\n") throw std::runtime_error("20 + 22: " + got);
    });
}

// What goes wrong in the worlds of this test: transfers are cut anywhere, and the network takes its time.
testing::SimOptions cut_transfers() {
    testing::SimOptions options;
    options.faults.emplace();
    options.faults->partial = 0.2;
    options.faults->jitter = std::chrono::milliseconds(1);
    return options;
}

}  // namespace

int main() {
    test_sum();  // on the real network: passes
    testing::SimOptions options = cut_transfers();
    for (; options.seed < 100; ++options.seed) {
        try {
            testing::simulate(options, &test_sum);
        } catch (const std::runtime_error& error) {
            std::cout << "a seed fails: " << error.what();
            break;
        }
    }

    const testing::SimFailure small = testing::minimise(options, &test_sum);
    std::cout << small.choices << " choices are left; what happens then:\n";

    std::vector<std::string> lines;
    options = small.options;
    options.trace = [&lines](std::string_view line) { lines.emplace_back(line); };
    try {
        testing::simulate(options, &test_sum);
    } catch (const std::runtime_error&) {
        for (const std::string& line : lines) {
            if (line.find("chosen") != line.npos || line.find("recvfrom") != line.npos) std::cout << line << "\n";
        }
    }
}
