// SPDX-License-Identifier: BSL-1.0
// Eight clients that come and go, and end their connections in every way there is.
#include "scenario.hpp"
#include "storm.hpp"

#include <algorithm>

namespace coir_scenarios {
namespace {

using namespace std::chrono_literals;

enum class Ending { orderly, half_close, abort, drop, count };

struct Storm {
    Dice dice;
    int port = 0;
    int live_handlers = 0;
    int rude_endings = 0;  // that the server may notice
    int completed = 0;
};

// A client's abort() shows at the server as these.
bool shows_rudeness(const coir::IoError& error) {
    const int number = error.code().value();
    return number == ECONNRESET || number == EPIPE;
}

void handle(Storm& storm, coir::Stream& stream) {
    struct Count {
        int& live;
        explicit Count(int& counter) : live(counter) { ++live; }
        ~Count() { --live; }
    } count(storm.live_handlers);
    char buffer[512];
    try {
        while (const std::size_t size = stream.read(buffer)) {
            stream.write(std::string_view(buffer, size));
        }
        stream.close();
    } catch (const coir::IoError& error) {
        const bool known = may_happen(error) ||
                           (storm.rude_endings > 0 && shows_rudeness(error));
        expect(known, std::string("server: ") + error.what());
    }
}

bool is_rude(Ending how) { return how == Ending::abort || how == Ending::drop; }

void read_until(coir::Stream& stream, std::size_t size, std::string& received) {
    char buffer[512];
    while (received.size() < size) {
        const std::size_t more = stream.read(buffer);
        if (more == 0) return;
        received.append(buffer, more);
    }
}

// Writes and reads at the same time. A rude client ends it somewhere in between.
void converse(Storm& storm, coir::Stream& stream, Ending how, const std::string& sent,
              std::string& received) {
    coir::with_task_group([&](coir::TaskGroup& group) {
        group.create_task([&] {
            try {
                stream.write(sent);
                if (how == Ending::half_close) stream.write_eof();
            } catch (const coir::IoError&) {
                if (!is_rude(how)) throw;
            }
        });
        if (!is_rude(how)) {
            read_until(stream, sent.size(), received);
            return;  // where it is not whole, writing says why
        }
        read_until(stream, storm.dice.below(sent.size()), received);
        if (how == Ending::abort) {
            stream.abort();
        } else {
            coir::Stream dropped = std::move(stream);
        }
    });
    expect(is_rude(how) || received == sent, "the echo is whole");
    if (how == Ending::half_close) {
        char one[1];
        expect(stream.read(one) == 0, "after the echo comes the end");
    }
    if (!is_rude(how)) stream.close();
}

void connect_once(Storm& storm, Ending how) {
    const std::string sent = storm.dice.bytes(1 + storm.dice.below(3000));
    if (is_rude(how)) ++storm.rude_endings;
    std::string received;
    try {
        auto stream = coir::open_connection("127.0.0.1", storm.port);
        converse(storm, stream, how, sent, received);
        ++storm.completed;
    } catch (const coir::IoError& error) {
        expect(may_happen(error), std::string("client: ") + error.what());
    } catch (const coir::ExceptionGroup& group) {
        expect_all_may_happen(group);
    }
    expect(sent.compare(0, received.size(), received) == 0, "the echo is a beginning");
}

Ending any_ending(Storm& storm) {
    return static_cast<Ending>(storm.dice.below(static_cast<int>(Ending::count)));
}

}  // namespace

void echo_storm() {
    Storm storm;
    auto server = coir::start_server([&](coir::Stream& stream) { handle(storm, stream); },
                                     "127.0.0.1", 0);
    storm.port = server.port();
    coir::with_task_group([&](coir::TaskGroup& clients) {
        for (int i = 0; i < 8; ++i) {
            clients.create_task([&] {
                for (std::uint64_t rounds = 1 + storm.dice.below(4); rounds > 0; --rounds) {
                    connect_once(storm, any_ending(storm));
                    coir::sleep(std::chrono::microseconds(storm.dice.below(2000)));
                }
            });
        }
    });
    coir::testing::Network::calm();
    const int before = storm.completed;
    for (int attempts = 0; storm.completed == before; ++attempts) {
        expect(attempts < 3, "once it is calm, a connection succeeds");
        connect_once(storm, Ending::orderly);
    }
    server.close();
    server.wait_closed();
    expect(storm.live_handlers == 0, "no handler outlives its server");
    expect(coir::all_tasks().size() == 1, "only the main task is left");
}

const Scenario echo_storm_scenario = {"echo_storm", "eight clients that come and go, with resets and half closes", &in_loop<echo_storm>};

}  // namespace coir_scenarios
