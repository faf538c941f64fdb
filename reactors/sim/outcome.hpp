// SPDX-License-Identifier: BSL-1.0
// What became of one simulation, as the minimiser compares them: by exception in this process, or in a
// child, where a run may also end its process.
#pragma once

#include <coir/testing.hpp>

#include <exception>
#include <functional>
#include <string>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

struct Outcome {
    bool failed = false;
    bool ended_process = false;
    /// The exception's type and message, or the signal and the last line on stderr; without numbers.
    std::string signature;
    /// When SimOptions::record. Empty for a process that has ended by itself.
    std::vector<testing::SimChoice> choices;
};

/// What an exception says of itself, in a line.
std::string message_of(const std::exception_ptr& error);
Outcome run_here(const testing::SimOptions& options, const std::function<void()>& program);
/// In a child of fork(), which is given a minute. Throws std::system_error when it cannot be made.
Outcome run_in_child(const testing::SimOptions& options, const std::function<void()>& program);

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
