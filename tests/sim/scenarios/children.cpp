// SPDX-License-Identifier: BSL-1.0
// Fifty processes that end at their own times, while somebody who knows nothing of coir calls wait(-1), and
// signals come: each is waited for once, and what is known of its end is true.
#include "scenario.hpp"

#include <algorithm>
#include <csignal>

namespace coir_scenarios {
namespace {

using Microseconds = std::chrono::microseconds;
using coir::testing::Programs;
using coir::testing::SimProcess;

constexpr int processes = 50;

struct Family {
    Dice dice;
    std::vector<pid_t> stolen;
    int refused = 0;
    int exited = 0;
    int killed = 0;
    int unknown = 0;
    int waiting = 0;  ///< who has not come back yet
};

// Works for as long, answers, and exits with the code, that its arguments say.
int worker(SimProcess& self) {
    const std::vector<std::string>& arguments = self.arguments();
    self.sleep(Microseconds(std::stoi(arguments.at(1))));
    while (auto line = self.read_line(0)) self.write(1, *line + "!\n");
    return std::stoi(arguments.at(2));
}

// A status that is known is the true one; one that is not was stolen.
void account(Family& family, const coir::Process& process, coir::ExitStatus status, int code,
             bool was_killed) {
    if (!status.known()) {
        const auto at = std::find(family.stolen.begin(), family.stolen.end(), process.pid());
        expect(at != family.stolen.end(), "only the thief takes a status away");
        family.stolen.erase(at);
        ++family.unknown;
    } else if (status.signal() != 0) {
        expect(was_killed && status.signal() == SIGTERM, "nobody else kills");
        ++family.killed;
    } else {
        expect(status.code() == code, "it exits with what it was told");
        ++family.exited;
    }
}

void raise_one(Family& family, int index) {
    const auto micros = static_cast<int>(family.dice.below(2000));
    const int code = index % 7;
    const bool kills = family.dice.below(4) == 0;
    coir::ProcessOptions options;
    options.stdin_ = options.stdout_ = coir::Stdio::pipe();
    try {
        auto process = coir::create_subprocess_exec(
            {"/bin/worker", std::to_string(micros), std::to_string(code)}, options);
        coir::sleep(Microseconds(family.dice.below(1000)));
        if (kills) process.send_signal(SIGTERM);
        const auto output = process.communicate("hallo\n");
        expect(kills || output.stdout_ == "hallo!\n", "it answers before it ends");
        expect(process.wait() == output.status, "a second wait says the same");
        account(family, process, output.status, code, kills);
    } catch (const coir::IoError& error) {
        expect(error.code().value() == EAGAIN && coir::testing::current_faults().no_process > 0,
               error.what());
        ++family.refused;
    }
    --family.waiting;
}

// As a library that calls wait(-1) now and then.
void steal(Family& family) {
    while (family.waiting > 0) {
        coir::sleep(Microseconds(1 + family.dice.below(300)));
        if (const auto pid = Programs::steal()) family.stolen.push_back(*pid);
    }
}

// SIGCHLD coalesces: at least one for all of them, and never more than there were.
void count_signals(int& count) {
    coir::SignalStream signals({SIGCHLD});
    for (;;) {
        signals.next();
        ++count;
    }
}

void children() {
    Family family;
    Programs::install("/bin/worker", &worker);
    const bool thief = family.dice.below(2) == 0;
    int signals = 0;
    auto counter = coir::create_task([&signals] { count_signals(signals); });
    coir::yield_now();
    family.waiting = processes;
    coir::with_task_group([&](coir::TaskGroup& group) {
        if (thief) group.create_task([&family] { steal(family); });
        for (int i = 0; i < processes; ++i) group.create_task([&family, i] { raise_one(family, i); });
    });
    coir::testing::run_until_idle();
    counter.cancel();
    expect(coir::wait({counter}).done.size() == 1, "the counter ends");
    const int made = family.exited + family.killed + family.unknown;
    expect(made + family.refused == processes, "each is accounted for");
    expect(family.stolen.empty(), "who is robbed is told");
    expect(thief || family.unknown == 0, "nobody steals");
    expect(signals <= made && (made == 0 || signals > 0), "SIGCHLD comes, and not too often");
    expect(Programs::running().empty(), "none is left");
}

void few_refused(coir::testing::SimOptions& options) { options.faults->no_process /= 4; }

}  // namespace

const Scenario children_scenario = {"children", "fifty processes, a thief of their statuses, and signals",
                                    &in_loop<&children>, &few_refused};

}  // namespace coir_scenarios
