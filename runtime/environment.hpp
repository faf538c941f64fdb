// SPDX-License-Identifier: BSL-1.0
// COIR_* environment variables, checked strictly: what is wrong is said, not guessed.
#pragma once

#include <coir/event_loop.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coir {
inline namespace v0 {
namespace detail {

/// The options with what COIR_STACK, COIR_POOL and COIR_DEBUG say where the program left the
/// default. Throws std::invalid_argument naming the variable, what it holds and what is allowed.
RunOptions apply_environment(RunOptions options);

/// A variable's value; nothing when it is unset or empty.
std::optional<std::string> environment_variable(const char* name);

/// A whole decimal number, or nothing.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;
/// A duration such as "20ms", "1.5s", "300us"; nothing when it is not one.
std::optional<Nanoseconds> parse_duration(std::string_view text) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
