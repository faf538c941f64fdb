// SPDX-License-Identifier: BSL-1.0
// What `coir bench` says about its load generator, without measuring.
#include "support/catch.hpp"

#include "bench/generator_notes.hpp"

#include <string>
#include <vector>

using namespace coir_tool;

namespace {

Series series_of(const std::string& name, double rate, double cpu_ns, double load_cpu_ns) {
    Sample sample;
    sample.value = rate;
    sample.cpu_ns_per_op = cpu_ns;
    sample.load_cpu_ns_per_op = load_cpu_ns;
    return {{name, Subject::Kind::reactor, {}, {}}, {sample, sample, sample}, {}, {}};
}

CaseResult echo_of(std::vector<Series> series) {
    return {"echo", {}, {"64 connections", "requests/s", true, {}, 0}, 3, std::move(series)};
}

}  // namespace

TEST_CASE("the generator's capacity is that of its CPU time at the fastest server") {
    const auto notes = generator_notes(
        {echo_of({series_of("epoll", 100'000, 9'000, 3'000), series_of("io_uring", 250'000, 4'000, 2'000)})});
    REQUIRE(notes.size() == 1);
    CHECK(notes[0] == "echo/64 connections: the load generator has CPU time for 500k/s, the fastest "
                      "server, io_uring, answered 250k/s.");
}

TEST_CASE("servers that need less CPU time than the generator are named") {
    const auto notes = generator_notes(
        {echo_of({series_of("epoll", 100'000, 9'000, 3'000), series_of("io_uring", 250'000, 1'500, 2'000)})});
    REQUIRE(notes.size() == 2);
    CHECK(notes[1] == "echo/64 connections: the load generator used more CPU time per request than "
                      "io_uring: it may be the limit there, not the server.");
}

TEST_CASE("without a generator, or without results, there is nothing to say of it") {
    CHECK(generator_notes({echo_of({series_of("epoll", 100'000, 9'000, absent)})}).empty());
    Series failed = series_of("epoll", 100'000, 9'000, 3'000);
    failed.failure = "it broke";
    CHECK(generator_notes({echo_of({failed})}).empty());
    CHECK(generator_notes({}).empty());
}

TEST_CASE("in an open loop it matters whether the schedule was kept") {
    CaseResult open = echo_of({series_of("epoll", 50'000, 1'000, 3'000)});
    open.info = {"50 %: 40k/s", "ns", false, "load %", 50};
    CHECK(generator_notes({open}).empty());
    for (Sample& sample : open.series[0].rounds) sample.late_share = 0.12;
    const auto notes = generator_notes({open});
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].find("echo/50 %: 40k/s: up to 12 % of the messages") == 0);
}
