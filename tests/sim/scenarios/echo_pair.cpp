// SPDX-License-Identifier: BSL-1.0
// One client, one server, all transfers cut up at random: what comes back is what was sent.
#include "scenario.hpp"

namespace coir_scenarios {
namespace {

void echo(coir::Stream& stream) {
    char buffer[1500];
    while (const std::size_t size = stream.read(buffer)) {
        stream.write(std::string_view(buffer, size));
    }
    stream.write_eof();
}

// Sends and receives at the same time; what came back by then is in `received` also when it throws.
void exchange(coir::Stream& stream, const std::string& sent, std::string& received, Dice& dice) {
    coir::with_task_group([&](coir::TaskGroup& group) {
        group.create_task([&] {
            for (std::size_t done = 0; done < sent.size();) {
                const std::size_t part = 1 + dice.below(sent.size() - done);
                stream.write(std::string_view(sent).substr(done, part));
                done += part;
            }
            stream.write_eof();
        });
        std::string buffer(1 + dice.below(4000), '\0');
        while (const std::size_t size = stream.read(buffer)) received.append(buffer, 0, size);
    });
}

void echo_pair() {
    Dice dice;
    auto listener = coir::Listener::listen("127.0.0.1", 0);
    const int port = listener.port();
    auto server = coir::create_task([&] {
        for (int i = 0; i < 2; ++i) {
            auto stream = listener.accept();
            try {
                echo(stream);
            } catch (const coir::IoError& error) {
                expect(may_happen(error), error.what());
            }
        }
    });
    const std::string sent = dice.bytes(1 + dice.below(dice.below(2) ? 200 : 20'000));
    std::string received;
    bool reached = false;
    try {
        auto stream = coir::open_connection("127.0.0.1", port);
        exchange(stream, sent, received, dice);
        reached = true;
    } catch (const coir::IoError& error) {
        expect(may_happen(error), error.what());
    } catch (const coir::ExceptionGroup& group) {
        expect_all_may_happen(group);
    }
    expect(sent.compare(0, received.size(), received) == 0, "what came back is a beginning");
    if (reached) expect(received == sent, "all has come back");
    // Once nothing goes wrong any more, everything must go well.
    coir::testing::Network::calm();
    std::string last;
    for (int attempts = 0; !server.done(); ++attempts) {
        expect(attempts < 4, "the server goes on");
        last.clear();
        try {
            auto stream = coir::open_connection("127.0.0.1", port);
            exchange(stream, sent, last, dice);
        } catch (const coir::IoError&) {
            continue;  // a fault from before
        } catch (const coir::ExceptionGroup&) {
            continue;
        }
        coir::yield_now();
        coir::sleep(std::chrono::minutes(1));
    }
    coir::await(server);
    expect(last == sent, "the last one has come back");
}

}  // namespace

const Scenario echo_pair_scenario = {"echo_pair", "one client, one server, all transfers cut up at random", &in_loop<echo_pair>};

}  // namespace coir_scenarios
