// SPDX-License-Identifier: BSL-1.0
// What `coir bench compare` makes of two runs, what a file keeps, and what disturbed them.
#include "support/catch.hpp"

#include "bench/comparison.hpp"
#include "bench/hgrm.hpp"
#include "bench/result_file.hpp"
#include "bench/summary.hpp"

#include <cmath>
#include <cstdio>
#include <fstream>

#include <unistd.h>

using namespace coir_tool;

namespace {

using Kind = Subject::Kind;

Series series_of(const std::string& name, Kind kind, const std::vector<double>& values) {
    Series series{{name, kind, {}, {}}, {}, {}, {}};
    for (const double value : values) {
        Sample sample;
        sample.value = value;
        sample.operations = 10;
        series.rounds.push_back(sample);
    }
    return series;
}

BenchResult run_of(const std::string& scenario, bool higher, std::vector<Series> series) {
    BenchResult result;
    result.machine.fingerprint = "here";
    CaseResult one{scenario, "title", {"case", higher ? "requests/s" : "ns", higher, {}, 0},
                   series.at(0).rounds.size(), std::move(series)};
    result.cases.push_back(std::move(one));
    return result;
}

std::vector<double> times(double factor) {
    std::vector<double> values;
    for (const double value : {100, 101, 99, 100, 102, 98}) values.push_back(factor * value);
    return values;
}

Change change_between(double before, double after, bool higher, double threshold = 0.05) {
    const auto comparison =
        compare_runs(run_of("s", higher, {series_of("epoll", Kind::reactor, times(before))}),
                     run_of("s", higher, {series_of("epoll", Kind::reactor, times(after))}), threshold);
    REQUIRE(comparison.series.size() == 1);
    CHECK(comparison.regressed() == (comparison.series[0].change == Change::regression));
    return comparison.series[0].change;
}

}  // namespace

TEST_CASE("compare: better and worse follow the unit", "[cli]") {
    CHECK(change_between(1, 1, true) == Change::same);
    CHECK(change_between(1, 1.5, true) == Change::better);
    CHECK(change_between(1, 1.5, false) == Change::regression);
    CHECK(change_between(1.5, 1, true) == Change::regression);
    CHECK(change_between(1.5, 1, false) == Change::better);
}

TEST_CASE("compare: below the threshold it is no regression", "[cli]") {
    CHECK(change_between(1, 1.3, false, 0.2) == Change::regression);
    CHECK(change_between(1, 1.3, false, 0.4) == Change::worse);
}

TEST_CASE("compare: noise and few rounds are no regression", "[cli]") {
    const std::vector<double> noisy = {60, 140, 80, 130, 70, 100};
    const auto compared = [](const std::vector<double>& before, const std::vector<double>& after) {
        return compare_runs(run_of("s", true, {series_of("poll", Kind::reactor, before)}),
                            run_of("s", true, {series_of("poll", Kind::reactor, after)}), 0.05)
            .series.at(0)
            .change;
    };
    CHECK(compared(times(1), noisy) == Change::same);
    CHECK(compared({100, 100, 100, 100}, {10, 10, 10, 10}) == Change::unclear);
}

TEST_CASE("compare: baselines are warned of, and never a regression", "[cli]") {
    const auto before = run_of("s", true, {series_of("epoll", Kind::reactor, times(1)),
                                           series_of("raw-epoll", Kind::baseline, times(1)),
                                           series_of("gone", Kind::peer, times(1))});
    const auto after = run_of("s", true, {series_of("epoll", Kind::reactor, times(1)),
                                          series_of("raw-epoll", Kind::baseline, times(0.5)),
                                          series_of("new", Kind::peer, times(1))});
    const auto comparison = compare_runs(before, after, 0.05);
    CHECK_FALSE(comparison.regressed());
    REQUIRE(comparison.warnings.size() == 1);
    CHECK(comparison.warnings[0].find("0.50 of their speed") != std::string::npos);
    CHECK(comparison.only_before == std::vector<std::string>{"s/case on gone"});
    CHECK(comparison.only_after == std::vector<std::string>{"s/case on new"});
}

TEST_CASE("compare: files of different machines say so", "[cli]") {
    auto before = run_of("s", true, {series_of("epoll", Kind::reactor, times(1))});
    auto after = before;
    after.machine.fingerprint = "there";
    after.machine.compiler = "another";
    after.noise.steal_share = 0.2;
    CHECK(compare_runs(before, after, 0.05).warnings.size() == 3);
}

TEST_CASE("results: a file keeps everything", "[cli]") {
    auto written = run_of("echo", true, {series_of("epoll", Kind::reactor, times(1)),
                                         series_of("raw \"x\"\n", Kind::baseline, times(2))});
    written.version = "1.2.3";
    written.date = "2026-01-31T12:00:00Z";
    written.command = "coir bench echo";
    written.seconds = 0.25;
    written.rounds = 6;
    written.interrupted_by = 2;
    written.notes = {"a note"};
    written.left_out = {{"io_uring", "denied"}};
    written.noise = {0.1, 0.2, 0.3};
    written.machine.details = {{"hypervisor", "yes"}};
    written.machine.io_uring_disabled = 1;
    CaseResult& one = written.cases[0];
    one.info.axis = "connections";
    one.info.at = 64;
    one.series[0].rounds[1].p99_ns = 123;
    one.series[0].latency = {{1.5, 10}, {2.5, 60}};
    one.series.push_back(series_of("poll", Kind::reactor, {}));
    one.series.back().failure = "killed";

    char path[] = "/tmp/coir-results-XXXXXX";
    ::close(::mkstemp(path));
    std::ofstream(path) << format_bench_json(written);
    const BenchResult read = read_bench_file(path);
    std::remove(path);
    CHECK(format_bench_json(read) == format_bench_json(written));
    CHECK(read.cases.at(0).series.at(1).subject.name == "raw \"x\"\n");
    CHECK(read.cases[0].series[0].rounds[1].p99_ns == 123);
    CHECK(is_absent(read.cases[0].series[0].rounds[0].p99_ns));
    CHECK(read.machine.io_uring_disabled == 1);
    CHECK_FALSE(read.machine.max_map_count.has_value());
}

TEST_CASE("results: medians are over the rounds in which something was measured", "[cli]") {
    std::vector<Sample> rounds(3);
    rounds[0].p99_ns = 5;
    rounds[2].p99_ns = 7;
    CHECK(summarise(rounds).typical.p99_ns == 6);
    CHECK(is_absent(summarise(rounds).typical.rss_bytes));
}

TEST_CASE("results: a latency distribution in HdrHistogram's form", "[cli]") {
    const std::string text = format_hgrm({{1000, 50}, {2000, 90}, {10'000, 100}});
    CHECK(text.find("1.000 0.500000000000         50           2.00\n") != std::string::npos);
    CHECK(text.find("10.000 1.000000000000        100\n") != std::string::npos);
    CHECK(text.find("#[Mean    =        2.300, StdDeviation   =        2.610]") != std::string::npos);
    CHECK(text.find("#[Max     =       10.000, Total count    =          100]") != std::string::npos);
}

TEST_CASE("results: what disturbed is said, and only that", "[cli]") {
    CHECK(Noise{}.warnings().empty());
    CHECK(Noise{0.04, 0.009, 0.04}.warnings().empty());
    const auto warnings = Noise{0.2, 0.02, 0.3}.warnings();
    REQUIRE(warnings.size() == 3);
    CHECK(warnings[0].find("20 %") != std::string::npos);
    CHECK(warnings[1].find("hypervisor took 2.0 %") != std::string::npos);
}
