// SPDX-License-Identifier: BSL-1.0
// The limit of descriptors wanders while clients come: each of them is served once, or told at once
// that it is not.
#include "scenario.hpp"

#include <map>

namespace coir_scenarios {
namespace {

using coir::testing::Network;
using namespace std::chrono_literals;

constexpr int clients = 18;

struct Limits {
    Dice dice;
    int port = 0;
    std::map<std::string, int> served;   // by client, how often
    int answers = 0;
    int without_descriptor = 0;
};

// One client: its name goes there, the answer comes back.
void visit(Limits& limits, const std::string& name) {
    for (;;) {
        try {
            auto stream = coir::open_connection("127.0.0.1", limits.port);
            stream.write(name + "\n");
            const auto answer = stream.readline();
            // Without an answer the connection was refused; that is an error or an end.
            if (answer) {
                expect(*answer == "hello " + name + "\n", "the answer is for this client");
                ++limits.answers;
            } else {
                expect(coir::testing::current_faults().reset > 0 || coir::testing::current_faults().abort_accept > 0, "it was answered");
            }
            return;
        } catch (const coir::IoError& error) {
            if (error.code().value() != EMFILE) {
                expect(may_happen(error), std::string("client: ") + error.what());
                return;
            }
            ++limits.without_descriptor;  // the client's own: it comes again
        }
        coir::sleep(std::chrono::milliseconds(1 + limits.dice.below(50)));
    }
}

void serve(Limits& limits, coir::Stream& stream) {
    try {
        const auto name = stream.readline();
        if (!name) return;
        const int times = ++limits.served[*name];
        expect(times == 1, "nobody is served twice");
        coir::sleep(std::chrono::milliseconds(limits.dice.below(20)));
        stream.write("hello " + *name);  // with its line's end
        stream.close();
    } catch (const coir::IoError& error) {
        expect(may_happen(error), std::string("server: ") + error.what());
    }
}

void accept_limits() {
    Limits limits;
    auto server = coir::start_server([&](coir::Stream& stream) { serve(limits, stream); },
                                     "127.0.0.1", 0);
    limits.port = server.port();
    coir::with_task_group([&](coir::TaskGroup& group) {
        group.create_task([&] {
            const coir::TimePoint end = coir::get_running_loop().time() + 2s;
            while (coir::get_running_loop().time() < end) {
                Network::limit_descriptors(1 + limits.dice.below(8));
                coir::sleep(std::chrono::milliseconds(1 + limits.dice.below(100)));
            }
            Network::limit_descriptors(1000);
        });
        for (int i = 0; i < clients; ++i) {
            group.create_task([&limits, i] {
                coir::sleep(std::chrono::milliseconds(limits.dice.below(300)));
                visit(limits, "client " + std::to_string(i));
            });
        }
    });
    if (coir::testing::current_faults().reset == 0 && coir::testing::current_faults().abort_accept == 0 && coir::testing::current_faults().partition == 0) {
        expect(limits.served.size() == clients, "every client is served");
        expect(limits.answers == clients, "every client is answered");
    }
    Network::calm();
    visit(limits, "one more");
    server.close();
    server.wait_closed();
    expect(coir::all_tasks().size() == 1, "only the main task is left");
}

}  // namespace

const Scenario accept_limits_scenario = {"accept_limits", "the limit of descriptors wanders while clients come", &in_loop<accept_limits>};

}  // namespace coir_scenarios
