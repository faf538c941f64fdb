// SPDX-License-Identifier: BSL-1.0
// The io_uring reactor on a simulated kernel whose every decision is the input's: what completes when, with
// which result, in which order, what a cancel finds, which multishot ends. The scenarios know what must hold.
#include "fuzz.hpp"

#include "sim/scenarios/scenario.hpp"

#include <array>

namespace {

constexpr std::array<std::string_view, 7> names{"op_storm",      "bufring",      "cq_tiny",      "cancel_matrix",
                                                "close_anywhere", "deadline_race", "echo_pair"};

coir::testing::SimFaults faults_of(unsigned bits) {
    coir::testing::SimFaults faults;
    faults.latency = std::chrono::microseconds(bits & 1 ? 50 : 0);
    faults.partial = bits & 2 ? 0.5 : 0;
    faults.late = bits & 4 ? 0.5 : 0;
    faults.busy = bits & 8 ? 0.5 : 0;
    faults.multishot_ends = bits & 16 ? 0.5 : 0;
    faults.tiny_queues = (bits & 32) != 0;
    faults.shuffle = (bits & 64) != 0;
    faults.small_buffers = (bits & 128) != 0;
    return faults;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    coir_fuzz::Input input(data, size);
    const auto* const scenario = coir_scenarios::find_scenario(names[input.byte() % names.size()]);
    coir_fuzz::require(scenario != nullptr, "the scenarios are there");
    coir::testing::SimOptions options;
    options.reactor = coir::testing::SimReactor::io_uring;
    options.order = coir::testing::SimOrder::uniform;
    options.faults = faults_of(input.byte());
    options.seed = input.byte();
    // Of which kind a choice is does not matter: its number is taken modulo what there is to choose from.
    do {
        options.replay.push_back({0, 1 << 16, input.word()});
    } while (!input.rest().empty());
    coir_scenarios::run_scenario(*scenario, options);
    return 0;
}
