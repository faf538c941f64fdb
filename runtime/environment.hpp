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

/// Words of COIR_DEBUG that are looked for where they matter. `slow`: with a duration.
enum class DebugWord : unsigned { locks = 1, fds = 2, passthrough = 4, slow = 8 };
/// Whether COIR_DEBUG has the word; looked at once in the process. Any thread.
bool debug_watches(DebugWord word) noexcept;

/// Without the spaces around it: lists may have them after their commas.
constexpr std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// To be said with the program's first loop, or now if there has been one: a process without loops
/// has no use for it. The last one that was given counts.
void warn_with_loops(const std::string& line);

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
