// SPDX-License-Identifier: BSL-1.0
// Long and large runs: see usage below. One line of result on stdout, progress on stderr.
#include "soak.hpp"

#include <coir/error.hpp>

#include "support/arguments.hpp"

#include <array>
#include <cstdio>
#include <exception>
#include <string_view>

namespace coir_soak {
namespace {

constexpr const char* usage = R"(usage: soak TEST [options]

  parked       tasks that wait, woken, ended and given back; --count 1000000
  connections  --live 10000 of them at once, --count 1000000 in all, server and clients in two processes
  cancels      races of cancel and completion, every byte accounted for; --count 10000000
  posts        calls from four threads, in order, none lost; --count 100000000
  mixed        everything at once for --minutes 30, sampled every --sample 10 seconds: nothing may grow

  --reactor NAME   auto (the default), epoll, io_uring, poll or another one

Status 0: what is promised holds; 1: it does not, or it could not be tried; 2: a wrong command line;
130 or 143: ended by SIGINT or SIGTERM.
)";

struct Test {
    std::string_view name;
    std::string (*run)(const Plan&);
    std::uint64_t count;
    std::size_t live;
};
constexpr std::array<Test, 5> tests{{
    {"parked", soak_parked, 1'000'000, 0},
    {"connections", soak_connections, 1'000'000, 10'000},
    {"cancels", soak_cancels, 10'000'000, 0},
    {"posts", soak_posts, 100'000'000, 0},
    {"mixed", soak_mixed, 0, 0},
}};

const Test& find_test(std::string_view name) {
    for (const Test& test : tests) {
        if (test.name == name) return test;
    }
    throw coir_bench::BadOption("unknown test '" + std::string(name) +
                                "'; allowed: parked connections cancels posts mixed");
}

Plan read_plan(const Test& test, coir_bench::Arguments& arguments) {
    Plan plan{test.count, test.live, 30, 10, "auto"};
    while (const auto word = arguments.next()) {
        if (*word == "--count" && test.count != 0) {
            plan.count = arguments.number_of<std::uint64_t>(*word, 1, 100'000'000'000);
        } else if (*word == "--live" && test.live != 0) {
            plan.live = arguments.number_of<std::size_t>(*word, 1, 1'000'000);
        } else if (*word == "--minutes" && test.count == 0) {
            plan.minutes = arguments.number_of<double>(*word, 0.05, 100'000);
        } else if (*word == "--sample" && test.count == 0) {
            plan.sample_seconds = arguments.number_of<double>(*word, 0.01, 3600);
        } else if (*word == "--reactor") {
            plan.reactor = arguments.value_of(*word);
        } else {
            throw coir_bench::BadOption(std::string(test.name) + " has no option '" + std::string(*word) + "'");
        }
    }
    return plan;
}

int run_test(const Test& test, const Plan& plan) try {
    const std::string figures = test.run(plan);
    std::printf("%.*s: passed: %s\n", static_cast<int>(test.name.size()), test.name.data(), figures.c_str());
    return 0;
} catch (const coir::Interrupted& interrupted) {
    return 128 + interrupted.signo();
} catch (const std::exception& error) {
    std::printf("%.*s: failed: %s\n", static_cast<int>(test.name.size()), test.name.data(), error.what());
    return 1;
}

}  // namespace
}  // namespace coir_soak

int main(int argc, char** argv) try {
    using namespace coir_soak;
    coir_bench::Arguments arguments(argc, argv);
    const auto name = arguments.next();
    if (!name) throw coir_bench::BadOption("no test; allowed: parked connections cancels posts mixed");
    if (*name == "--help") {
        std::fputs(usage, stdout);
        return 0;
    }
    const Test& test = find_test(*name);
    return run_test(test, read_plan(test, arguments));
} catch (const coir_bench::BadOption& error) {
    std::fprintf(stderr, "soak: %s (see --help)\n", error.what());
    return 2;
}
