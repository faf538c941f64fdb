// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string>

#include "raw/echo_loop.hpp"

// Measurements that take a size: main_curves.cpp makes them for many, bench-micro and bench-self-echo for
// those of the tables. All return ns per operation.
namespace coir_bench {

enum class TimerPart { Arm, Cancel, Fire };

// `tasks` of them yield round robin.
double coir_yield(std::size_t tasks);  // coir_switch.cpp
double bare_yield(std::size_t tasks);  // raw/raw_switch_cases.cpp

double coir_timers(TimerPart part, std::size_t count);  // coir_timers.cpp
double bare_timers(TimerPart part, std::size_t count);  // raw/timers_raw.cpp

// A message of so many bytes through a Unix socket, and a byte back.
double coir_transfer(const std::string& reactor, std::size_t bytes);  // coir_transfer.cpp
double raw_transfer(std::size_t bytes);                               // raw/transfer.cpp

// An echo loop written with coir, on this reactor.
EchoLoop coir_echo_loop(const std::string& reactor);  // coir_self_echo.cpp

}  // namespace coir_bench
