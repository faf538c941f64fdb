// SPDX-License-Identifier: BSL-1.0
// Waits that are given up, by a deadline or by a cancel, at every moment: what has come is either
// there or comes again, and everything is accounted for once.
#include "giving_up.hpp"
#include "scenario.hpp"

namespace coir_scenarios {
namespace {

using Microseconds = std::chrono::microseconds;

constexpr std::uint64_t patience = 60;  // microseconds

// Bytes of a stream: none is lost, none comes twice.
void receive(Dice& dice) {
    auto listener = coir::Listener::listen("127.0.0.1", 0);
    const std::string sent = dice.bytes(120);
    auto writer = coir::create_task([&] {
        auto stream = coir::open_connection("127.0.0.1", listener.port());
        for (std::size_t done = 0; done < sent.size();) {
            const std::size_t part = std::min<std::size_t>(1 + dice.below(20), sent.size() - done);
            stream.write(std::string_view(sent).substr(done, part));
            done += part;
            coir::sleep(Microseconds(dice.below(patience)));
        }
        stream.close();
    });
    auto stream = listener.accept();
    std::string received;
    while (received.size() < sent.size()) {
        insist(dice, patience, [&](bool& got) {
            char buffer[16];
            const std::size_t size = stream.read(buffer);
            expect(size > 0, "the end comes after the bytes");
            received.append(buffer, size);
            got = true;
        });
    }
    expect(received == sent, "what was received is what was sent");
    coir::await(writer);
}

// Connections: each is accepted once.
void accept(Dice& dice) {
    constexpr std::size_t count = 6;
    auto listener = coir::Listener::listen("127.0.0.1", 0);
    auto clients = coir::create_task([&] {
        for (std::size_t i = 0; i < count; ++i) {
            auto stream = coir::open_connection("127.0.0.1", listener.port());
            stream.write(std::string(1, static_cast<char>('a' + i)));
            stream.close();
            coir::sleep(Microseconds(dice.below(patience)));
        }
    });
    std::string names;
    for (std::size_t i = 0; i < count; ++i) {
        coir::Stream stream;
        insist(dice, patience, [&](bool& got) {
            stream = listener.accept();
            got = true;
        });
        char name[1];
        if (stream.read(name) == 1) names += name[0];
    }
    expect(names == "abcdef", "each connection is accepted once, in its order, got " + names);
    coir::await(clients);
}

// A connection that is given up is gone on both sides.
void connect(Dice& dice) {
    auto listener = coir::Listener::listen("127.0.0.1", 0);
    coir::testing::Network::set_link("127.0.0.1", "127.0.0.1", {.latency = Microseconds(20)});
    int ends = 0;
    auto server = coir::create_task([&] {
        for (;;) {
            auto stream = listener.accept();
            char one[1];
            try {
                ends += stream.read(one) == 0 ? 1 : 0;
            } catch (const coir::IoError&) {
                ++ends;
            }
        }
    });
    for (int i = 0; i < 4; ++i) {
        insist(dice, patience, [&](bool& got) {
            coir::open_connection("127.0.0.1", listener.port()).close();
            got = true;
        });
    }
    coir::sleep(std::chrono::seconds(1));
    server.cancel();
    try {
        coir::await(server);
    } catch (const coir::TaskCancelledError&) {
    }
    expect(ends >= 4, "every connection that was made has ended");
}

// Items of a queue that nobody loses.
void take(Dice& dice) {
    coir::Queue<int> queue(2);
    auto producer = coir::create_task([&] {
        for (int i = 0; i < 20; ++i) {
            coir::sleep(Microseconds(dice.below(patience)));
            insist(dice, patience, [&, i](bool& got) {
                queue.put(i);
                got = true;
            });
        }
    });
    for (int i = 0; i < 20; ++i) {
        int item = -1;
        insist(dice, patience, [&](bool& got) {
            item = queue.get();
            got = true;
        });
        expect(item == i, "items come in their order, each once");
    }
    coir::await(producer);
}

void cancel_matrix() {
    Dice dice;
    for (int round = 0; round < 3; ++round) {
        receive(dice);
        accept(dice);
        connect(dice);
        take(dice);
    }
    expect(coir::all_tasks().size() == 1, "only the main task is left");
}

// What ends a connection would be another scenario.
void with_short_delays(coir::testing::SimOptions& options) {
    auto& faults = *options.faults;
    without_breaks(faults);
    faults.latency = std::min<std::chrono::nanoseconds>(faults.latency, Microseconds(30));
    faults.jitter = std::min<std::chrono::nanoseconds>(faults.jitter, Microseconds(30));
}

}  // namespace

const Scenario cancel_matrix_scenario = {
    "cancel_matrix", "waits of all kinds are given up at every moment, and nothing is lost",
    &in_loop<cancel_matrix>, &with_short_delays};

}  // namespace coir_scenarios
