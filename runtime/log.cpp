// SPDX-License-Identifier: BSL-1.0
// The log hook, and its default: one line to stderr in one write.
#include <coir/log.hpp>

#include "environment.hpp"

#include <coir/detail/sys.hpp>
#include <coir/legacy.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <unistd.h>

namespace coir {
inline namespace v0 {
namespace {

using LogHandler = std::function<void(LogLevel, std::string_view)>;

std::mutex handler_mutex;
std::shared_ptr<LogHandler> handler;
std::atomic<bool> custom{false};

LogLevel default_limit() {
    static const LogLevel limit = [] {
        const auto text = detail::environment_variable("COIR_LOG");
        if (text == "error") return LogLevel::error;
        if (text == "info") return LogLevel::info;
        if (text == "debug") return LogLevel::debug;
        return LogLevel::warning;
    }();
    return limit;
}

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
        std::string line(message);
        line += '\n';
        // Not stdio: it may be in use by a suspended task. What cannot be written is lost.
        real_sys().write(STDERR_FILENO, line.data(), line.size());
    } catch (...) {
        // A log line must never bring a program down.
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
