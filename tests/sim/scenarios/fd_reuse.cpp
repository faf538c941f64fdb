// SPDX-License-Identifier: BSL-1.0
// Connections are closed while they are read from, and their numbers are used again in the same
// turn: nobody gets what was meant for another.
#include "scenario.hpp"

#include <algorithm>

namespace coir_scenarios {
namespace {

struct Churn {
    Dice dice;
    int port = 0;
};

// Everything on a connection is one letter, its own.
void expect_own(std::string_view text, char letter) {
    expect(std::all_of(text.begin(), text.end(), [letter](char c) { return c == letter; }),
           "only this connection's bytes");
}

void serve(coir::Stream& stream) {
    char letter[1];
    if (stream.read(letter) != 1) return;
    // Virtual time is cheap, but a broken link takes two minutes of it.
    for (int i = 0; i < 200; ++i) {
        stream.write(std::string(7, letter[0]));
        coir::sleep(std::chrono::microseconds(5));
    }
}

void read_all(coir::Stream& stream, char letter) {
    char buffer[32];
    try {
        while (const std::size_t size = stream.read(buffer)) {
            expect_own(std::string_view(buffer, size), letter);
        }
    } catch (const coir::IoError&) {
        // Closed under it.
    }
}

// Reads; after a while the connection is closed under the reader, and another one takes its number.
void open_and_close(Churn& churn, char letter) {
    auto stream = coir::open_connection("127.0.0.1", churn.port);
    stream.write(std::string(1, letter));
    coir::with_task_group([&](coir::TaskGroup& group) {
        group.create_task([&] { read_all(stream, letter); });
        coir::sleep(std::chrono::microseconds(churn.dice.below(60)));
        if (churn.dice.below(2) == 0) {
            stream.close();
        } else {
            stream.abort();
        }
        auto next = coir::open_connection("127.0.0.1", churn.port);
        const char other = static_cast<char>(letter + 1);
        next.write(std::string(1, other));
        char buffer[32];
        const std::size_t size = next.read(buffer);
        expect_own(std::string_view(buffer, size), other);
    });
}

void fd_reuse() {
    Churn churn;
    auto server = coir::start_server(
        [](coir::Stream& stream) {
            try {
                serve(stream);
            } catch (const coir::IoError&) {
            }
        },
        "127.0.0.1", 0);
    churn.port = server.port();
    coir::with_task_group([&](coir::TaskGroup& group) {
        for (int i = 0; i < 4; ++i) {
            group.create_task([&churn, i] {
                for (int k = 0; k < 4; ++k) {
                    try {
                        open_and_close(churn, static_cast<char>('a' + 4 * i + k));
                    } catch (const coir::IoError& error) {
                        expect(may_happen(error), error.what());
                    } catch (const coir::ExceptionGroup& errors) {
                        expect_all_may_happen(errors);
                    }
                }
            });
        }
    });
    server.close();
    server.wait_closed();
}

}  // namespace

const Scenario fd_reuse_scenario = {
    "fd_reuse", "descriptors are closed under their readers, and their numbers used again",
    &in_loop<fd_reuse>};

}  // namespace coir_scenarios
