// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <vector>

#include "support/harness.hpp"

// Every source of cases, in one place. The raw loops are the limits; each is the baseline of its
// group, or measured against raw epoll.
namespace coir_bench {

// Of one slice of the cold_create cases.
inline constexpr std::size_t kColdStacks = 10'000;

// raw/: the limits.
void add_raw_switch_cases(std::vector<Case>& cases);     // raw_switch_cases.cpp
void add_raw_timer_cases(std::vector<Case>& cases);      // timers_raw.cpp
void add_raw_wake_cases(std::vector<Case>& cases);       // wake_raw.cpp
void add_raw_stack_cases(std::vector<Case>& cases);      // stacks_raw.cpp
void add_raw_self_echo_cases(std::vector<Case>& cases);  // self_echo.cpp
void add_raw_floor_cases(std::vector<Case>& cases);      // floor_cases.cpp
void add_raw_ring_option_cases(std::vector<Case>& cases);  // ring_option_cases.cpp
void add_raw_ring_wake_cases(std::vector<Case>& cases);    // ring_wake_cases.cpp

// coir itself: defined in coir_*.cpp next to this file, called from main_micro.cpp and
// main_self_echo.cpp.
void add_coir_bare_switch_case(std::vector<Case>& cases);  // coir_bare_switch.cpp
void add_coir_switch_cases(std::vector<Case>& cases);     // coir_switch.cpp
void add_coir_timer_cases(std::vector<Case>& cases);      // coir_timers.cpp
void add_coir_wake_cases(std::vector<Case>& cases);       // coir_wake.cpp
void add_coir_stack_cases(std::vector<Case>& cases);      // coir_stacks.cpp
void add_coir_self_echo_cases(std::vector<Case>& cases);  // coir_self_echo.cpp

// Other runtimes, where they were built (peer_wake.cpp).
void add_peer_wake_cases(std::vector<Case>& cases);

}  // namespace coir_bench
