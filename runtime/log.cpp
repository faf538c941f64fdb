// SPDX-License-Identifier: BSL-1.0
// The log hook, and its default: one line to stderr in one write.
#include <coir/detail/futex_lock.hpp>
#include <coir/log.hpp>

#include "environment.hpp"

#include <coir/detail/sys.hpp>
#include <coir/legacy.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include <unistd.h>

namespace coir {
inline namespace v0 {
namespace {

using LogHandler = std::function<void(LogLevel, std::string_view)>;

constinit detail::FutexLock handler_mutex;
std::shared_ptr<LogHandler> handler;
std::atomic<bool> custom{false};

constinit detail::MadeOnce<LogLevel> limit;

LogLevel default_limit() {
    return limit.get([] {
        // A wrong value is complained about where a loop is made: here is no way to say it.
        const auto text = detail::environment_variable("COIR_LOG");
        return detail::parse_log_level(text.value_or("")).value_or(LogLevel::warning);
    });
}

using Lines = std::set<std::string, std::less<>>;
constinit detail::FutexLock said_lock;
constinit detail::MadeOnce<Lines> said;

}  // namespace

void set_log_handler(LogHandler replacement) {
    std::lock_guard lock(handler_mutex);
    custom.store(static_cast<bool>(replacement), std::memory_order_release);
    handler = replacement ? std::make_shared<LogHandler>(std::move(replacement)) : nullptr;
}

namespace detail {

bool log_enabled(LogLevel level) noexcept {
    return custom.load(std::memory_order_acquire) || level <= default_limit();
}

void log(LogLevel level, std::string_view message) noexcept {
    // Lines are also logged in the middle of a switch, where a handler must not be suspended by what
    // libcoir-legacy makes of its write().
    const blocking_region region;
    try {
        std::shared_ptr<LogHandler> current;
        {
            std::lock_guard lock(handler_mutex);
            current = handler;
        }
        if (current) {
            (*current)(level, message);
            return;
        }
        if (level > default_limit()) return;
        // Not stdio: it may be in use by a suspended task. In one piece, and without memory of its
        // own. What cannot be written is lost.
        iovec line[] = {{const_cast<char*>(message.data()), message.size()},
                        {const_cast<char*>("\n"), 1}};
        real_sys()(SYS_writev, STDERR_FILENO, line, 2);
    } catch (...) {
        // A log line must never bring a program down.
    }
}

void log_error(std::string_view what, std::string_view why) noexcept {
    char line[512];
    std::size_t size = 0;
    for (const std::string_view part : {what, std::string_view(": "), why}) {
        size += part.copy(line + size, sizeof line - size);
    }
    log(LogLevel::error, {line, size});
}

void log_once(LogLevel level, std::string_view message) noexcept {
    try {
        {
            std::lock_guard lock(said_lock);
            if (!said.get().emplace(message).second) return;
        }
        log(level, message);
    } catch (...) {
        // As above.
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
