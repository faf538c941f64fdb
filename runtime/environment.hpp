// SPDX-License-Identifier: BSL-1.0
// COIR_* environment variables. What cannot be understood is ignored, and said once.
#pragma once

#include <coir/event_loop.hpp>
#include <coir/log.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coir {
inline namespace v0 {
namespace detail {

/// The options with what COIR_STACK, COIR_POOL and COIR_DEBUG say where the program left the
/// default. A value or word that is not allowed is a warning, once in the process, that says what
/// was got and what is allowed.
RunOptions apply_environment(RunOptions options);

/// Whether COIR_DEBUG has the word `locks`; looked at once.
bool debug_watches_locks() noexcept;

/// Whether COIR_DETACHED_FAILURE is abort_run: a detached task's failure then ends run().
bool detached_failure_aborts();

/// A variable's value; nothing when it is unset or empty.
std::optional<std::string> environment_variable(const char* name);

/// A whole decimal number, or nothing.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;
/// A duration such as "20ms", "1.5s", "300us"; nothing when it is not one.
std::optional<Nanoseconds> parse_duration(std::string_view text) noexcept;

/// A value of COIR_LOG.
std::optional<LogLevel> parse_log_level(std::string_view text) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
