// SPDX-License-Identifier: BSL-1.0
// What `coir pick` makes of measurements, without measuring.
#include "support/catch.hpp"

#include "pick_decision.hpp"

#include <cmath>
#include <string>
#include <vector>

using namespace coir_tool;

namespace {

const Workload echo{"echo", {}, {{"64 connections", "requests/s", true}}, {}};
const Workload spawn{"spawn", {}, {{"one", "ns", false}}, {}};

std::vector<Sample> samples(const std::vector<double>& values) {
    std::vector<Sample> result;
    for (const double value : values) {
        Sample sample;
        sample.value = value;
        result.push_back(sample);
    }
    return result;
}

struct Figures {
    std::string reactor;
    std::vector<double> echo;
    std::vector<double> spawn;
};

std::vector<WorkloadResult> results_of(const std::vector<Figures>& all) {
    WorkloadResult echoed{&echo, {}, all[0].echo.size()};
    WorkloadResult spawned{&spawn, {}, all[0].spawn.size()};
    for (const Figures& figures : all) {
        echoed.reactors.push_back({figures.reactor, {samples(figures.echo)}, {}});
        spawned.reactors.push_back({figures.reactor, {samples(figures.spawn)}, {}});
    }
    return {echoed, spawned};
}

const std::vector<double> flat = {100, 101, 99, 100, 102, 98};
const std::vector<double> more = {130, 131, 128, 131, 132, 127};  // 1.3 times, round by round

}  // namespace

TEST_CASE("pick: a clear winner at echo is recommended with its margin", "[cli]") {
    const auto picked = recommend(results_of({{"epoll", flat, flat}, {"io_uring", more, flat}}));
    CHECK(picked.reactor == "io_uring");
    CHECK(picked.beyond_noise);
    REQUIRE(picked.contenders.size() == 1);
    CHECK(std::fabs(picked.contenders[0].echo.speed - 1.3) < 0.02);
    CHECK(picked.contenders[0].echo.speed_interval.low > 1.28);
    CHECK(picked.reason.find("1.30 times (95 % interval 1.29 to 1.31)") != std::string::npos);
}

TEST_CASE("pick: noise is no reason to leave epoll", "[cli]") {
    const std::vector<double> noisy = {150, 70, 120, 90, 160, 80};
    const auto picked = recommend(results_of({{"epoll", flat, flat}, {"io_uring", noisy, flat}}));
    CHECK(picked.reactor == "epoll");
    CHECK_FALSE(picked.beyond_noise);
    CHECK(picked.reason.find("no difference beyond noise") != std::string::npos);
    CHECK(picked.reason.find("most portable") != std::string::npos);
}

TEST_CASE("pick: a difference beyond noise below the margin is not worth it", "[cli]") {
    std::vector<double> slightly = flat;
    for (double& value : slightly) value *= 1.01;
    const auto picked = recommend(results_of({{"epoll", flat, flat}, {"poll", slightly, flat}}));
    CHECK(picked.reactor == "epoll");
    CHECK(picked.contenders.at(0).echo.finding == Finding::faster);
}

TEST_CASE("pick: spawning and timers break ties, but do not pay for throughput", "[cli]") {
    std::vector<double> cheap;
    for (const double value : flat) cheap.push_back(value / 1.5);
    const auto tied = recommend(results_of({{"epoll", flat, flat}, {"poll", flat, cheap}}));
    CHECK(tied.reactor == "poll");
    CHECK(tied.reason.find("at echo within noise") != std::string::npos);

    std::vector<double> slow;
    for (const double value : flat) slow.push_back(value / 1.2);
    const auto paid = recommend(results_of({{"epoll", flat, flat}, {"poll", slow, cheap}}));
    CHECK(paid.reactor == "epoll");
}

TEST_CASE("pick: among equals that beat epoll the more portable one wins", "[cli]") {
    const std::vector<double> also = {131, 129, 130, 130, 130, 129};
    const auto picked = recommend(
        results_of({{"epoll", flat, flat}, {"io_uring", more, flat}, {"poll", also, flat}}));
    CHECK(picked.reactor == "io_uring");
}

TEST_CASE("pick: too few rounds, a single candidate, failures", "[cli]") {
    const auto few =
        recommend(results_of({{"epoll", {100, 100}, {9, 9}}, {"io_uring", {200, 200}, {9, 9}}}));
    CHECK(few.reactor == "epoll");
    CHECK(few.reason.find("too few rounds") != std::string::npos);

    CHECK(recommend(results_of({{"poll", flat, flat}})).reactor == "poll");

    auto failed = results_of({{"epoll", flat, flat}, {"io_uring", more, flat}});
    failed[1].reactors[0] = {"epoll", {{}}, "killed"};
    const auto rest = recommend(failed);
    CHECK(rest.reactor == "io_uring");
    CHECK(rest.base == "io_uring");
    failed[0].reactors[1] = {"io_uring", {{}}, "killed"};
    CHECK(recommend(failed).reactor.empty());
}
