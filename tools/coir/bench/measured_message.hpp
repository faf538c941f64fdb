// SPDX-License-Identifier: BSL-1.0
// Measurements that are made in a child and read in the parent.
#pragma once

#include "child.hpp"
#include "sample.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace coir_tool {

/// How long a child may take for a stretch of `seconds` before it counts as stuck.
std::chrono::milliseconds patience(double seconds);

/// A message between two processes of this program.
std::string pack(const std::vector<Measured>& measured);
/// Throws ChildFailure if it is not whole.
std::vector<Measured> unpack(const std::string& message);

/// Runs `body` in a child that measures for about `seconds`.
std::vector<Measured> measure_in_child(InterruptWatch& interrupt, double seconds,
                                       const std::function<std::vector<Measured>()>& body);

}  // namespace coir_tool
