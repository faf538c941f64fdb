// SPDX-License-Identifier: BSL-1.0
// Threads of the simulated world: their turns, their clock, their ends.
#include "support/catch.hpp"

#include <coir/coir.hpp>
#include <coir/testing.hpp>

#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace testing = coir::testing;
using testing::SimThread;

namespace {

testing::SimOptions quiet(std::uint64_t seed) {
    testing::SimOptions options;
    options.seed = seed;
    options.faults = testing::SimFaults{};
    return options;
}

// Two loops that count; how their turns were mixed.
std::string mixed(std::uint64_t seed) {
    std::string order;
    testing::simulate(quiet(seed), [&] {
        const auto count = [&order](char name) {
            coir::run([&] {
                for (int i = 0; i < 5; ++i) {
                    order += name;
                    coir::sleep(1ms);
                }
            });
        };
        SimThread other("other", [&] { count('b'); });
        count('a');
    });
    return order;
}

}  // namespace

TEST_CASE("threads: loops take turns, in an order that is the seed's", "[threads]") {
    std::set<std::string> orders;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const std::string order = mixed(seed);
        CHECK(order.size() == 10);
        CHECK(order == mixed(seed));
        orders.insert(order);
    }
    CHECK(orders.size() > 10);
}

TEST_CASE("threads: the clock is one, and goes on when all sleep", "[threads]") {
    testing::simulate(quiet(1), [] {
        const auto now = [] { return coir::get_running_loop().time(); };
        coir::TimePoint ended[2];
        SimThread other("other", [&] {
            coir::run([&] {
                coir::sleep(2h);
                ended[1] = now();
            });
        });
        coir::run([&] {
            coir::sleep(1h);
            ended[0] = now();
        });
        CHECK_FALSE(other.has_ended());
        other.join();
        CHECK(other.has_ended());
        CHECK(ended[1] - ended[0] == 1h);
    });
}

TEST_CASE("threads: a server and its client on loops of their own", "[threads]") {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        testing::simulate(quiet(seed), [] {
            int port = 0;
            std::string answer;
            SimThread server("server", [&] {
                coir::run([&] {
                    auto listener = coir::Listener::listen("127.0.0.1", 0);
                    port = listener.port();
                    auto stream = listener.accept();
                    stream.write("hello " + stream.readline().value_or("nobody"));
                    stream.close();
                });
            });
            coir::run([&] {
                while (port == 0) coir::sleep(1ms);
                auto stream = coir::open_connection("127.0.0.1", port);
                stream.write("world\n");
                answer = stream.readline().value_or("nothing");
            });
            CHECK(answer == "hello world\n");
        });
    }
}

TEST_CASE("threads: plain code waits for a task of another loop", "[threads]") {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        testing::simulate(quiet(seed), [] {
            coir::EventLoop loop;
            SimThread runner("loop", [&] { loop.run_forever(); });
            auto future = coir::run_task_threadsafe(loop, [] {
                coir::sleep(1h);
                return 17;
            });
            CHECK(future.get() == 17);
            loop.call_soon_threadsafe([&] { loop.stop(); });
            runner.join();
        });
    }
}

TEST_CASE("threads: who fails ends the simulation", "[threads]") {
    std::string main_saw;
    const auto failing = [&] {
        SimThread other("other", [] {
            coir::run([] { coir::sleep(1s); });
            throw std::runtime_error("it failed");
        });
        try {
            coir::run([] { coir::Event().wait(); });
        } catch (const coir::DeadlockError& error) {
            main_saw = error.what();
            throw;
        }
    };
    CHECK_THROWS_WITH(testing::simulate(quiet(3), failing), "it failed");
    CHECK(main_saw.find("all tasks wait") != std::string::npos);
    // Without an error, it is a deadlock all the same, and costs no real time.
    CHECK_THROWS_AS(testing::simulate(quiet(3),
                                      [] {
                                          SimThread other("other", [] {
                                              coir::run([] { coir::Event().wait(); });
                                          });
                                          other.join();
                                      }),
                    coir::DeadlockError);
}

TEST_CASE("threads: the first one may end before the others", "[threads]") {
    int ended = 0;
    testing::simulate(quiet(4), [&] {
        for (int i = 0; i < 3; ++i) {
            SimThread("sleeper", [&ended, i] {
                coir::run([i] { coir::sleep(std::chrono::hours(i)); });
                ++ended;
            });
        }
    });
    CHECK(ended == 3);
    CHECK_THROWS_AS(SimThread("outside", [] {}), std::logic_error);
}
