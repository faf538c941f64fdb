// SPDX-License-Identifier: BSL-1.0
// What `coir pick` makes of measurements, without measuring.
#include "support/catch.hpp"

#include "pick/decision.hpp"

#include <cmath>
#include <string>
#include <vector>

using namespace coir_tool;

namespace {

// Requests per second, and the CPU time of each: 64 connections.
struct Figures {
    std::string reactor;
    std::vector<double> throughput;
    std::vector<double> cpu;
};

std::vector<CaseResult> results_of(const std::vector<Figures>& all) {
    CaseResult echoed{"echo", {}, {"64 connections", "requests/s", true, {}, 0}, 0, {}};
    echoed.rounds = all[0].throughput.size();
    for (const Figures& figures : all) {
        Series series{{figures.reactor, Subject::Kind::reactor, {}, {}}, {}, {}, {}};
        for (std::size_t i = 0; i < echoed.rounds; ++i) {
            Sample sample;
            sample.value = figures.throughput[i];
            sample.cpu_ns_per_op = figures.cpu[i];
            sample.p99_ns = 1e9 / figures.throughput[i];
            series.rounds.push_back(sample);
        }
        echoed.series.push_back(series);
    }
    return {echoed};
}

Recommendation recommend_for(const std::vector<Figures>& all, Goal goal = Goal::throughput) {
    return recommend(results_of(all), goal);
}

const std::vector<double> flat = {100, 101, 99, 100, 102, 98};
const std::vector<double> more = {130, 131, 128, 131, 132, 127};  // 1.3 times, round by round

}  // namespace

TEST_CASE("pick: a clear winner is recommended with its margin", "[cli]") {
    const auto picked = recommend_for({{"epoll", flat, flat}, {"io_uring", more, flat}});
    CHECK(picked.reactor == "io_uring");
    CHECK(picked.beyond_noise);
    REQUIRE(picked.contenders.size() == 1);
    CHECK(std::fabs(picked.contenders[0].goal.speed - 1.3) < 0.02);
    CHECK(picked.contenders[0].goal.speed_interval.low > 1.28);
    CHECK(picked.reason.find("1.30 times (95 % interval 1.29 to 1.31)") != std::string::npos);
}

TEST_CASE("pick: noise is no reason to leave epoll", "[cli]") {
    const std::vector<double> noisy = {150, 70, 120, 90, 160, 80};
    const auto picked = recommend_for({{"epoll", flat, flat}, {"io_uring", noisy, flat}});
    CHECK(picked.reactor == "epoll");
    CHECK_FALSE(picked.beyond_noise);
    CHECK(picked.reason.find("no difference beyond noise") != std::string::npos);
    CHECK(picked.reason.find("most portable") != std::string::npos);
}

TEST_CASE("pick: a difference beyond noise below the margin is not worth it", "[cli]") {
    std::vector<double> slightly = flat;
    for (double& value : slightly) value *= 1.01;
    const auto picked = recommend_for({{"epoll", flat, flat}, {"poll", slightly, flat}});
    CHECK(picked.reactor == "epoll");
    CHECK(picked.contenders.at(0).goal.finding == Finding::faster);
}

TEST_CASE("pick: CPU time breaks ties, but does not pay for throughput", "[cli]") {
    std::vector<double> cheap;
    for (const double value : flat) cheap.push_back(value / 1.5);
    const auto tied = recommend_for({{"epoll", flat, flat}, {"poll", flat, cheap}});
    CHECK(tied.reactor == "poll");
    CHECK(tied.reason.find("the throughput of epoll within noise, and 1.50 times less CPU time") != std::string::npos);

    std::vector<double> slow;
    for (const double value : flat) slow.push_back(value / 1.2);
    const auto paid = recommend_for({{"epoll", flat, flat}, {"poll", slow, cheap}});
    CHECK(paid.reactor == "epoll");
}

TEST_CASE("pick: among equals that beat epoll the more portable one wins", "[cli]") {
    const std::vector<double> also = {131, 129, 130, 130, 130, 129};
    const auto picked = recommend_for({{"epoll", flat, flat}, {"io_uring", more, flat}, {"poll", also, flat}});
    CHECK(picked.reactor == "io_uring");
}

TEST_CASE("pick: too few rounds, a single candidate, failures", "[cli]") {
    const auto few =
        recommend_for({{"epoll", {100, 100}, {9, 9}}, {"io_uring", {200, 200}, {9, 9}}});
    CHECK(few.reactor == "epoll");
    CHECK(few.reason.find("too few rounds") != std::string::npos);

    CHECK(recommend_for({{"poll", flat, flat}}).reactor == "poll");

    auto failed = results_of({{"epoll", flat, flat}, {"io_uring", more, flat}});
    failed[0].series[0].failure = "killed";
    const auto rest = recommend(failed, Goal::throughput);
    CHECK(rest.reactor == "io_uring");
    CHECK(rest.base == "io_uring");
    failed[0].series[1].failure = "killed";
    CHECK(recommend(failed, Goal::throughput).reactor.empty());
}

TEST_CASE("pick: the goal decides what counts", "[cli]") {
    std::vector<double> cheap;
    for (const double value : flat) cheap.push_back(value / 1.5);
    const std::vector<Figures> figures = {
        {"epoll", more, flat}, {"io_uring", flat, cheap}, {"poll", flat, flat}};
    CHECK(recommend_for(figures, Goal::throughput).reactor == "epoll");
    const auto by_cpu = recommend_for(figures, Goal::cpu);
    CHECK(by_cpu.reactor == "io_uring");
    CHECK(by_cpu.reason.find("1.50 times less CPU time per operation") != std::string::npos);
    // Reactors in the other order: the latency here is the inverse of the throughput.
    const auto by_p99 = recommend_for({figures[1], figures[0]}, Goal::p99);
    CHECK(by_p99.reactor == "epoll");
    CHECK(by_p99.reason.find("p99 latency 1.30 times lower") != std::string::npos);
    // Memory was not measured: it tells nothing, and CPU time breaks the tie.
    CHECK(recommend_for(figures, Goal::memory).reactor == "io_uring");
}

TEST_CASE("pick: what no reactor can do is left out", "[cli]") {
    auto results = results_of({{"epoll", flat, flat}, {"io_uring", more, flat}});
    CaseResult nobody = results[0];
    for (Series& series : nobody.series) {
        series.rounds.clear();
        series.failure = "no O_DIRECT here";
    }
    nobody.rounds = 0;
    results.insert(results.begin(), nobody);
    const auto picked = recommend(results, Goal::throughput);
    CHECK(picked.reactor == "io_uring");
    CHECK(picked.contenders.at(0).cases.size() == 1);
    CHECK(recommend({nobody}, Goal::throughput).reactor.empty());
}

TEST_CASE("pick: a trifle at the goal does not outweigh what breaks ties", "[cli]") {
    std::vector<double> cheap;
    for (const double value : flat) cheap.push_back(value / 1.8);
    const auto lose = [](double share) {
        std::vector<double> values;
        for (const double value : flat) values.push_back(value * (1 - share));
        return values;
    };
    CHECK(recommend_for({{"epoll", flat, flat}, {"io_uring", lose(0.01), cheap}}).reactor == "io_uring");
    CHECK(recommend_for({{"epoll", flat, flat}, {"io_uring", lose(0.05), cheap}}).reactor == "epoll");
}
