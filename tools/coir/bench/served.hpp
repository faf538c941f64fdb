// SPDX-License-Identifier: BSL-1.0
// Workloads of a server, which is measured, and a load generator: each in a process of its own, on
// different CPUs when there are two.
#pragma once

#include "child.hpp"
#include "workload.hpp"

#include "support/load.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace coir_tool {

/// Called by a server once it can be reached, with the port or descriptor or whatever number it is
/// reached by.
using Ready = std::function<void(int where)>;

struct Served {
    /// In a child, pinned to the first CPU: calls `ready` and serves until it is killed.
    std::function<void(const Ready& ready)> serve;
    /// Instead of that: a program that prints its port, and serves until it is killed.
    std::vector<std::string> command;
    /// In another child, pinned to the second CPU.
    std::function<std::unique_ptr<coir_bench::Load>(int where)> connect;
};

/// One measurement of about `seconds` after a warm-up of a quarter of that: operations per second,
/// what they cost the server, and their latencies.
Measured measure_served(InterruptWatch& interrupt, const Served& served, double seconds);

}  // namespace coir_tool
