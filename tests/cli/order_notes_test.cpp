// SPDX-License-Identifier: BSL-1.0
// What `coir bench` says where its columns seem to contradict each other.
#include "support/catch.hpp"

#include "bench/order_notes.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace coir_tool;

namespace {

// Pairs of a round's rate and p50.
Series series_of(const std::string& name, const std::vector<std::pair<double, double>>& rounds) {
    Series series{{name, Subject::Kind::reactor, {}, {}}, {}, {}, {}};
    for (const auto& [rate, p50] : rounds) {
        Sample sample;
        sample.value = rate;
        sample.p50_ns = p50;
        series.rounds.push_back(sample);
    }
    return series;
}

std::vector<std::string> notes_of(Series base, Series other) {
    return order_notes({{"echo", {}, {"64 connections", "requests/s", true, {}, 0}, 3,
                         {std::move(base), std::move(other)}}});
}

}  // namespace

TEST_CASE("order notes: columns that agree need none", "[cli]") {
    CHECK(notes_of(series_of("epoll", {{100, 10}, {110, 9}, {105, 9.5}}),
                   series_of("poll", {{90, 12}, {95, 11}, {93, 11.5}}))
              .empty());
    // Within noise, and where no latency is measured.
    CHECK(notes_of(series_of("epoll", {{100, 10}, {100, 10}, {100, 10}}),
                   series_of("poll", {{101, 11}, {101, 11}, {101, 11}}))
              .empty());
    CHECK(notes_of(series_of("epoll", {{100, absent}}), series_of("poll", {{200, absent}})).empty());
}

TEST_CASE("order notes: faster in each of two uneven rounds, and lower by the median", "[cli]") {
    const auto notes = notes_of(series_of("epoll", {{100, absent}, {500, absent}, {510, absent}}),
                                series_of("poll", {{200, absent}, {600, absent}, {100, absent}}));
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].find("echo/64 connections: by speed and by median, poll and epoll stand in different "
                        "order: speed compares within each round") == 0);
}

TEST_CASE("order notes: more answers with a longer p50", "[cli]") {
    const auto notes = notes_of(series_of("epoll", {{100, 10}, {100, 10}, {100, 10}}),
                                series_of("poll", {{120, 11}, {120, 11}, {120, 11}}));
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].find("echo/64 connections: by speed and by p50, poll and epoll stand in different "
                        "order: a few slow answers") == 0);
}
