// SPDX-License-Identifier: BSL-1.0
// A program under test in a simulated world: its network, its disk and its child processes are in memory,
// what goes wrong is drawn from a seed, and a seed that fails does so again, as often as you like.
//
// The program keeps a number in a file. It has two ways to save it, of which one is wrong: it was never seen
// to fail on a real disk, and fails here within a few seeds.
#include <coir/coir.hpp>
#include <coir/testing.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

namespace testing = coir::testing;

namespace {

constexpr const char* ledger = "/var/lib/ledger";

void save(const std::string& text, bool safely) { coir::write_file(ledger, text, {.atomic = safely}); }

// Asks another program, as one would on any machine.
std::string next_number(const std::string& text) {
    coir::ProcessOptions options;
    options.stdin_ = options.stdout_ = coir::Stdio::pipe();
    auto increment = coir::create_subprocess_exec({"/usr/bin/increment"}, options);
    return increment.communicate(text).stdout_;
}

// What is installed there instead of the real one.
int increment(testing::SimProcess& self) {
    self.write(1, std::to_string(std::stoi(self.read_all(0)) + 1));
    return 0;
}

// The power fails after the second save: what is left must be a number that was once saved.
void survives_a_crash(bool safely) {
    testing::Files::mount("/var/lib");
    testing::Files::write(ledger, "1");
    testing::Programs::install("/usr/bin/increment", &increment);
    coir::run([safely] {
        save(next_number(coir::read_file(ledger)), safely);
        save(next_number(coir::read_file(ledger)), safely);
    });
    testing::Files::crash();
    const std::string left = testing::Files::read(ledger);
    if (left != "1" && left != "2" && left != "3") {
        throw std::runtime_error("'" + left + "' is left of the number");
    }
}

// The first of a hundred seeds that fails; -1: none does.
int first_failure(bool safely) {
    for (int seed = 0; seed < 100; ++seed) {
        testing::SimOptions options;
        options.seed = static_cast<unsigned>(seed);
        options.faults.emplace();  // nothing but the crash goes wrong
        try {
            testing::simulate(options, [safely] { survives_a_crash(safely); });
        } catch (const std::runtime_error& error) {
            std::cout << "seed " << seed << ": " << error.what() << "\n";
            return seed;
        }
    }
    return -1;
}

}  // namespace

int main() {
    std::cout << "written in place:\n";
    const bool found = first_failure(false) >= 0;
    std::cout << "written beside, synced, renamed:\n";
    const bool holds = first_failure(true) < 0;
    if (holds) std::cout << "a hundred seeds pass\n";
    return found && holds ? 0 : 1;
}
