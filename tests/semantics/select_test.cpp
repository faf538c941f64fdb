// SPDX-License-Identifier: BSL-1.0
// select: api.md §4, decisions D3, D33.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/queue.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

namespace {

void ignore(std::optional<int>) {}

}  // namespace

TEST_CASE("api.md 4: select carries out the case that is ready, and no other") {
    on_every_order([] {
        coir::Channel<int> a(1), b(1), out(1);
        out.send(0);
        b.send(7);
        int received = 0;
        const std::size_t which = coir::select(
            coir::case_receive(a, [&](std::optional<int>) { received = -1; }),
            coir::case_receive(b, [&](std::optional<int> value) { received = value.value(); }),
            coir::case_send(out, 9, [&] { received = -2; }),
            coir::case_timeout(1s, [&] { received = -3; }),
            coir::case_default([&] { received = -4; }));
        CHECK(which == 1);
        CHECK(received == 7);
        CHECK((a.empty() && b.empty() && out.size() == 1));
        CHECK(coir::select(coir::case_receive(a, &ignore), coir::case_default([] {})) == 1);
        out.receive();
        CHECK(coir::select(coir::case_receive(a, &ignore), coir::case_send(out, 9, [] {})) == 1);
        CHECK(out.receive() == 9);
    });
}

TEST_CASE("api.md 4: select waits for the first case; the others leave no trace") {
    on_every_order([] {
        coir::Channel<int> a, b, out;
        int received = 0;
        auto selector = coir::create_task([&] {
            return coir::select(
                coir::case_receive(a, [&](std::optional<int> value) { received = value.value(); }),
                coir::case_receive(b, [&](std::optional<int> value) { received = value.value(); }),
                coir::case_send(out, 5, [] {}), coir::case_timeout(1h, [] {}));
        });
        coir::sleep(1s);
        CHECK_FALSE(selector.done());
        CHECK(b.try_send(4));
        // In the same step: the task has been served, and stands nowhere any more.
        CHECK_FALSE(a.try_send(1));
        CHECK_FALSE(b.try_send(1));
        CHECK(out.try_receive() == std::nullopt);
        CHECK(coir::await(selector) == 1);
        CHECK(received == 4);

        auto sender = coir::create_task([&] {
            return coir::select(coir::case_receive(a, &ignore), coir::case_send(out, 6, [] {}));
        });
        coir::sleep(1s);
        CHECK(out.receive() == 6);
        CHECK(out.try_receive() == std::nullopt);  // sent once
        CHECK(coir::await(sender) == 1);
        CHECK_FALSE(a.try_send(1));
    });
}

TEST_CASE("rule 226, D3: a select that is cancelled has had no effect; one that was served has") {
    on_every_order([] {
        coir::Channel<std::unique_ptr<int>> a, out;
        std::string log;
        auto selector = [&] {
            coir::select(
                coir::case_receive(a, [&](std::optional<std::unique_ptr<int>>) { log += "got"; }),
                coir::case_send(out, std::make_unique<int>(1), [&] { log += "sent"; }));
            coir::yield_now();
        };
        auto first = coir::create_task(selector);
        coir::sleep(1s);
        first.cancel();
        CHECK_FALSE(a.try_send(std::make_unique<int>(2)));
        CHECK_FALSE(out.try_receive().has_value());
        coir::sleep(1s);
        CHECK(first.cancelled());
        CHECK(log.empty());

        auto second = coir::create_task(selector);
        coir::sleep(1s);
        CHECK(a.try_send(std::make_unique<int>(3)));
        second.cancel();
        coir::sleep(1s);
        CHECK(second.cancelled());
        CHECK(log == "got");
        CHECK_FALSE(out.try_receive().has_value());
        auto entered = coir::create_task([&] {
            coir::current_task().cancel();
            coir::select(coir::case_default([&] { log += "default"; }));
        });
        coir::sleep(1s);
        CHECK(entered.cancelled());
        CHECK(log == "got");
    });
}

TEST_CASE("api.md 4: of the ready cases of a select one is drawn: none starves") {
    for (std::uint64_t seed = 0; seed <= 5; ++seed) {
        run_on_sim(
            [] {
                coir::Channel<int> a(1), b(1), c(1);
                int counts[3] = {};
                c.close();
                for (int i = 0; i < 600; ++i) {
                    a.try_send(1);
                    b.try_send(1);
                    ++counts[coir::select(coir::case_receive(a, &ignore),
                                          coir::case_receive(b, &ignore),
                                          coir::case_receive(c, &ignore))];
                }
                for (int count : counts) CHECK((count > 120 && count < 280));
            },
            seed == 0 ? std::nullopt : std::optional<std::uint64_t>(seed));
    }
}

TEST_CASE("api.md 4: a closed channel is ready: a receive has nothing, a send throws") {
    on_every_order([] {
        coir::Channel<int> closed, other;
        auto waiting_receive = coir::create_task([&] {
            bool nothing = false;
            coir::select(coir::case_receive(other, &ignore),
                         coir::case_receive(
                             closed, [&](std::optional<int> value) { nothing = !value; }));
            return nothing;
        });
        auto waiting_send = coir::create_task([&] {
            coir::select(coir::case_receive(other, &ignore), coir::case_send(closed, 1, [] {}));
        });
        coir::sleep(1s);
        // The second is served by the first: it sends to the one that receives.
        const bool met = waiting_receive.done();
        closed.close();
        if (met) {
            coir::await(waiting_send);
            CHECK_FALSE(coir::await(waiting_receive));
        } else {
            CHECK(coir::await(waiting_receive));
            CHECK_THROWS_AS(coir::await(waiting_send), coir::ChannelClosed);
        }
        CHECK_THROWS_AS(coir::select(coir::case_send(closed, 1, [] {})), coir::ChannelClosed);
        CHECK(coir::select(coir::case_receive(closed, &ignore)) == 0);
        auto sender = coir::create_task([&] {
            coir::select(coir::case_receive(other, &ignore));
        });
        coir::sleep(1s);
        other.close();
        coir::await(sender);
        coir::Channel<int> alone;
        auto blocked = coir::create_task([&] {
            coir::select(coir::case_send(alone, 1, [] {}), coir::case_timeout(1h, [] {}));
        });
        coir::sleep(1s);
        alone.close();
        CHECK_THROWS_AS(coir::await(blocked), coir::ChannelClosed);
    });
}

TEST_CASE("rule 146, D3: a timeout of a select strikes after its time, and loses to what is ready") {
    run_on_sim([] {
        coir::Channel<int> channel;
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        int timeouts = 0;
        CHECK(coir::select(coir::case_receive(channel, &ignore),
                           coir::case_timeout(3s, [&] { timeouts += 100; }),
                           coir::case_timeout(2s, [&] { ++timeouts; })) == 2);
        CHECK(loop.time() - start == 2s);
        CHECK(timeouts == 1);
        CHECK_FALSE(channel.try_send(1));
        auto sender = coir::create_task([&] {
            coir::sleep(1s);
            channel.send(5);
        });
        coir::yield_now();
        CHECK(coir::select(coir::case_receive(channel, &ignore),
                           coir::case_timeout(1s, [&] { ++timeouts; })) == 0);
        CHECK(timeouts == 1);
        coir::await(sender);
        for (auto limit : {0s, -5s}) {
            CHECK(coir::select(coir::case_timeout(limit, [&] { ++timeouts; }),
                               coir::case_receive(channel, &ignore)) == 0);
        }
        CHECK(timeouts == 3);
        auto forever = coir::create_task([&] {
            return coir::select(
                coir::case_timeout(std::chrono::hours::max(), [] {}),
                coir::case_receive(channel, &ignore));
        });
        coir::sleep(1000h);
        channel.send(1);
        CHECK(coir::await(forever) == 1);
    });
}

TEST_CASE("api.md 4: functions of a select may suspend, throw and select again") {
    on_every_order([] {
        coir::Channel<int> a(2), b(2);
        a.send(1);
        a.send(2);
        b.send(3);
        int sum = 0;
        coir::select(coir::case_receive(a, [&](std::optional<int> first) {
            coir::sleep(1s);
            coir::select(coir::case_receive(b, [&](std::optional<int> second) {
                sum = *first + *second;
            }));
        }));
        CHECK(sum == 4);
        CHECK_THROWS_AS(
            coir::select(coir::case_receive(a, [](std::optional<int> v) { throw v.value(); })), int);
        CHECK((a.empty() && b.empty()));
    });
}

TEST_CASE("api.md 4: two selects meet; one alone does not send to itself") {
    on_every_order([] {
        coir::Channel<int> channel;
        auto both = [&](int value) {
            int received = 0;
            coir::select(
                coir::case_send(channel, value, [] {}),
                coir::case_receive(channel, [&](std::optional<int> v) { received = v.value(); }));
            return received;
        };
        auto first = coir::create_task(both, 10);
        coir::sleep(1s);
        CHECK_FALSE(first.done());
        const int second = both(20);
        CHECK((second == 10 || second == 0));
        CHECK(coir::await(first) == (second == 10 ? 0 : 20));
        CHECK(channel.try_receive() == std::nullopt);
    });
}

TEST_CASE("rule 9: a select refuses NaN and functions that are not there") {
    coir::Channel<int> channel;
    std::function<void()> empty;
    std::function<void(std::optional<int>)> no_receiver;
    void (*null)() = nullptr;
    CHECK_THROWS_AS(coir::case_timeout(1s, empty), std::invalid_argument);
    CHECK_THROWS_AS(coir::case_default(null), std::invalid_argument);
    CHECK_THROWS_AS(coir::case_receive(channel, no_receiver), std::invalid_argument);
    CHECK_THROWS_AS(coir::case_send(channel, 1, empty), std::invalid_argument);
    const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
    CHECK_THROWS_AS(coir::case_timeout(nan, [] {}), std::invalid_argument);
    CHECK_THROWS_AS(coir::select(coir::case_default([] {})), std::logic_error);  // not in a task
}
