// SPDX-License-Identifier: BSL-1.0
// Channel: api.md §4, decisions D3, D23, D25. The rules of the queues hold as far as they apply.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/channel.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/task_group.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

TEST_CASE("api.md 4: a channel's values arrive in order, and it ends when it is closed and empty") {
    for (std::ptrdiff_t capacity : {0, 1, 3, 100}) {
        on_every_order([capacity] {
            coir::Channel<int> channel(capacity);
            CHECK(channel.capacity() == static_cast<std::size_t>(capacity));
            std::vector<int> received;
            coir::with_task_group([&](coir::TaskGroup& group) {
                group.create_task([&] {
                    for (int i = 0; i < 20; ++i) channel.send(i);
                    channel.close();
                });
                group.create_task([&] {
                    while (std::optional<int> value = channel.receive()) received.push_back(*value);
                });
            });
            CHECK(received.size() == 20);
            for (int i = 0; i < 20; ++i) CHECK(received[static_cast<std::size_t>(i)] == i);
            CHECK(channel.receive() == std::nullopt);
            CHECK((channel.closed() && channel.empty()));
        });
    }
}

TEST_CASE("api.md 4: capacity 0 is a rendezvous: a send ends when its value has been received") {
    on_every_order([] {
        coir::Channel<std::string> channel;
        CHECK(channel.capacity() == 0);
        CHECK_FALSE(channel.try_send("nobody waits"));
        CHECK(channel.try_receive() == std::nullopt);
        auto sender = coir::create_task([&] { channel.send("first"); });
        coir::sleep(1s);
        CHECK_FALSE(sender.done());
        CHECK(channel.size() == 0);
        CHECK(channel.receive() == "first");
        coir::await(sender);

        auto receiver = coir::create_task([&] { return channel.receive(); });
        coir::sleep(1s);
        CHECK(channel.try_send("second"));
        CHECK_FALSE(channel.try_send("third"));  // the receiver has its value
        CHECK(coir::await(receiver) == "second");

        auto waiting = coir::create_task([&] { channel.send("fourth"); });
        coir::sleep(1s);
        CHECK(channel.try_receive() == "fourth");
        coir::await(waiting);
    });
}

TEST_CASE("rule 223: a send waits for room, and its value moves up at the receive") {
    on_every_order([] {
        coir::Channel<int> channel(1);
        channel.send(1);
        auto sender = coir::create_task([&] { channel.send(2); });
        coir::sleep(1s);
        CHECK_FALSE(sender.done());
        CHECK(channel.receive() == 1);
        CHECK(channel.size() == 1);
        CHECK_FALSE(channel.try_send(3));
        coir::await(sender);
        CHECK(channel.receive() == 2);
    });
}

TEST_CASE("rule 232: close refuses sends, lets what is in be received, and wakes who waits") {
    on_every_order([] {
        coir::Channel<int> full(1);
        full.send(1);
        auto sender = coir::create_task([&] { full.send(2); });
        coir::sleep(1s);
        full.close();
        full.close();
        CHECK_THROWS_AS(coir::await(sender), coir::ChannelClosed);
        CHECK_THROWS_AS(full.send(3), coir::ChannelClosed);
        CHECK_THROWS_AS(full.try_send(3), coir::ChannelClosed);
        CHECK_THROWS_AS(full.send(3), coir::QueueShutDown);  // it is one
        CHECK(full.receive() == 1);
        CHECK(full.receive() == std::nullopt);
        CHECK(full.try_receive() == std::nullopt);

        coir::Channel<int> empty;
        auto receiver = coir::create_task([&] { return empty.receive(); });
        coir::sleep(1s);
        empty.close();
        CHECK(coir::await(receiver) == std::nullopt);
    });
}

TEST_CASE("rule 226: a cancelled sender or receiver leaves nothing, and no value is lost") {
    on_every_order([] {
        coir::Channel<std::unique_ptr<int>> channel;
        auto receive = [&] { return *channel.receive().value(); };
        auto a = coir::create_task(receive);
        coir::sleep(1s);
        auto b = coir::create_task(receive);
        coir::sleep(1s);
        a.cancel();
        CHECK(channel.try_send(std::make_unique<int>(1)));
        CHECK(coir::await(b) == 1);

        auto send = [&](int value) { channel.send(std::make_unique<int>(value)); };
        auto c = coir::create_task(send, 2);
        coir::sleep(1s);
        auto d = coir::create_task(send, 3);
        coir::sleep(1s);
        c.cancel();
        CHECK(**channel.receive() == 3);
        coir::await(d);
        coir::sleep(1s);
        CHECK((a.cancelled() && c.cancelled()));
        CHECK_FALSE(channel.try_receive().has_value());
    });
}

TEST_CASE("rule 227, 228, D3: who was chosen before it was cancelled has sent or received") {
    on_every_order([] {
        coir::Channel<int> channel;
        std::string log;
        auto receiver = coir::create_task([&] {
            log += std::to_string(channel.receive().value());
            coir::yield_now();
        });
        coir::sleep(1s);
        CHECK(channel.try_send(1));
        receiver.cancel();
        coir::sleep(1s);
        auto sender = coir::create_task([&] {
            channel.send(2);
            log += "sent";
            coir::yield_now();
        });
        coir::sleep(1s);
        CHECK(channel.try_receive() == 2);
        sender.cancel();
        coir::sleep(1s);
        CHECK(log == "1sent");
        CHECK((receiver.cancelled() && sender.cancelled()));
    });
}

TEST_CASE("rule 146, D3: a value that comes together with the deadline is received") {
    run_on_sim([] {
        coir::Channel<int> channel;
        auto sender = coir::create_task([&] {
            coir::sleep(1s);
            channel.send(5);
        });
        CHECK(coir::with_timeout(1s, [&] { return channel.receive(); }) == 5);
        CHECK_THROWS_AS(coir::with_timeout(1s, [&] { channel.send(6); }), coir::TimeoutError);
        CHECK(channel.try_receive() == std::nullopt);
    });
}

TEST_CASE("rule 225, D23: send and receive that need not wait do not switch") {
    run_on_sim([] {
        coir::Channel<int> channel(1);
        bool other_ran = false;
        coir::spawn_detached([&] { other_ran = true; });
        for (int i = 0; i < 50; ++i) {
            channel.send(i);
            CHECK(channel.receive() == i);
        }
        CHECK_FALSE(other_ran);
        for (int i = 0; i < 50; ++i) {
            channel.send(i);
            channel.receive();
        }
        CHECK(other_ran);
        auto task = coir::create_task([&] {
            coir::current_task().cancel();
            CHECK_THROWS_AS(channel.send(1), coir::CancelledError);
            coir::current_task().cancel();
            CHECK_THROWS_AS(channel.receive(), coir::CancelledError);
        });
        coir::await(task);
        CHECK(channel.empty());
    });
}

TEST_CASE("api.md 4: a loop over a channel receives until it is closed") {
    on_every_order([] {
        coir::Channel<std::unique_ptr<int>> channel;
        auto sender = coir::create_task([&] {
            for (int i = 1; i <= 5; ++i) channel.send(std::make_unique<int>(i));
            channel.close();
        });
        std::vector<std::unique_ptr<int>> kept;
        for (std::unique_ptr<int>& value : channel) {
            kept.push_back(std::move(value));
            coir::sleep(1ms);
        }
        coir::await(sender);
        REQUIRE(kept.size() == 5);
        CHECK(*kept[4] == 5);
        for (auto& value : channel) CHECK(!value);  // closed: not entered
    });
}

TEST_CASE("api.md 4: a negative capacity is refused") {
    CHECK_THROWS_AS(coir::Channel<int>(-1), std::invalid_argument);
}

TEST_CASE("D35: channels outside a task work as far as nothing waits") {
    coir::Channel<int> channel(1);
    CHECK(channel.try_send(1));
    CHECK_THROWS_AS(channel.send(2), std::logic_error);
    CHECK_THROWS_AS(channel.receive(), std::logic_error);
    CHECK(channel.try_receive() == 1);
    run_on_sim([&] {
        auto receiver = coir::create_task([&] { return channel.receive(); });
        coir::yield_now();
        channel.send(7);
        CHECK(coir::await(receiver) == 7);
    });
}
