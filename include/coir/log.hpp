// SPDX-License-Identifier: BSL-1.0
// Where coir's own messages go.
#pragma once

#include <coir/detail/config.hpp>

#include <functional>
#include <string_view>

namespace coir {
inline namespace v0 {

enum class LogLevel : unsigned char { error, warning, info, debug };

/// Replaces the sink of coir's log lines; an empty function restores the default, which writes
/// warnings and worse to stderr (`COIR_LOG=error|warning|info|debug` moves that limit). A handler
/// of your own gets every level. Any thread; the handler may be called from any thread, must not
/// throw, and must not suspend.
COIR_API void set_log_handler(std::function<void(LogLevel, std::string_view)> handler);

namespace detail {
COIR_API void log(LogLevel level, std::string_view message) noexcept;
/// An error line from two parts, in room of its own: for where there may be no memory. What is too
/// long for it is cut off.
COIR_API void log_error(std::string_view what, std::string_view why) noexcept;
/// The same, if the process has not logged these very words before. For what every loop of a program
/// would say again; not for messages without number, as each is kept.
COIR_API void log_once(LogLevel level, std::string_view message) noexcept;
COIR_API bool log_enabled(LogLevel level) noexcept;
}  // namespace detail

}  // namespace v0
}  // namespace coir
