// SPDX-License-Identifier: BSL-1.0
// See environment.hpp. The table of all variables is in docs/environment.md.
#include "environment.hpp"

#include <atomic>
#include <charconv>
#include <coir/detail/environment.hpp>
#include <coir/detail/futex_lock.hpp>
#include <cstdlib>
#include <mutex>

#include "stack.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

std::optional<std::string> environment_variable(const char* name) {
    const char* value = std::getenv(name);
    if (!value || *value == '\0') return std::nullopt;
    return std::string(value);
}

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (text.empty() || error != std::errc() || stopped != end) return std::nullopt;
    return number;
}

std::optional<Nanoseconds> parse_duration(std::string_view text) noexcept {
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (text.empty() || error != std::errc() || !(number >= 0)) return std::nullopt;
    const std::string_view unit(stopped, static_cast<std::size_t>(end - stopped));
    double factor = 0;
    if (unit == "ns") factor = 1;
    if (unit == "us") factor = 1e3;
    if (unit == "ms") factor = 1e6;
    if (unit == "s") factor = 1e9;
    if (factor == 0 || number * factor > 9e18) return std::nullopt;
    return Nanoseconds(static_cast<std::int64_t>(number * factor));
}

namespace {

// As it may stand in a message of one line.
std::string in_quotes(std::string_view text) {
    constexpr std::size_t most = 120;
    std::string shown = "'";
    for (const char letter : text.substr(0, most)) {
        const auto code = static_cast<unsigned char>(letter);
        shown += code < 0x20 || code == 0x7f ? '?' : letter;
    }
    return shown + (text.size() > most ? "...'" : "'");
}

// A typing error in somebody's environment must not end a program, nor go unnoticed.
void complain(const char* name, std::string_view value, const std::string& why) {
    log_once(LogLevel::warning, std::string("coir: ") + name + "=" + in_quotes(value) + ": " + why);
}

void apply_stack(RunOptions& options, const std::string& value) {
    const auto bytes = parse_number(value);
    if (!bytes || *bytes < smallest_stack || *bytes > largest_stack) {
        complain("COIR_STACK", value,
                 "ignored; allowed is a number of bytes from " + std::to_string(smallest_stack) +
                     " to " + std::to_string(largest_stack));
    } else if (options.stack_size == RunOptions().stack_size) {
        options.stack_size = *bytes;
    }
}

void apply_pool(RunOptions& options, const std::string& value) {
    const auto threads = parse_number(value);
    if (!threads || *threads == 0 || *threads > 4096) {
        complain("COIR_POOL", value, "ignored; allowed is a number of threads from 1 to 4096");
    } else if (options.max_threads == 0) {
        options.max_threads = static_cast<unsigned>(*threads);
    }
}

// As in DebugWord; 0: none of them.
unsigned bit_of(std::string_view word) noexcept {
    if (word == "locks") return static_cast<unsigned>(DebugWord::locks);
    if (word == "fds") return static_cast<unsigned>(DebugWord::fds);
    if (word == "passthrough") return static_cast<unsigned>(DebugWord::passthrough);
    if (word.starts_with("slow=") && parse_duration(word.substr(5))) {
        return static_cast<unsigned>(DebugWord::slow);
    }
    return 0;
}

void apply_debug_word(RunOptions& options, const std::string& whole, std::string_view word) {
    constexpr std::string_view slow = "slow=";
    const std::string shown = in_quotes(word) + " ";
    if (word == "1") {
        options.debug = true;
    } else if (word.starts_with(slow)) {
        const auto threshold = parse_duration(word.substr(slow.size()));
        if (!threshold) {
            complain("COIR_DEBUG", whole,
                     shown + "is ignored; slow= takes a duration such as 20ms (ns, us, ms, s)");
            return;
        }
        options.debug = true;
        if (options.slow_task_threshold == RunOptions().slow_task_threshold) {
            options.slow_task_threshold = *threshold;
        }
    } else if (word != "0" && word != "reactor" && bit_of(word) == 0) {
        // The registry looks for `reactor` itself, and others call debug_watches().
        complain("COIR_DEBUG", whole,
                 shown +
                     "is unknown and ignored; allowed is 0, 1, or a list of slow=DURATION, "
                     "reactor, locks, fds and passthrough");
    }
}

void apply_debug(RunOptions& options, const std::string& value) {
    std::string_view rest = value;
    for (;;) {
        const std::size_t comma = rest.find(',');
        apply_debug_word(options, value, trimmed(rest.substr(0, comma)));
        if (comma == std::string_view::npos) return;
        rest.remove_prefix(comma + 1);
    }
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) noexcept {
    if (text == "error") return LogLevel::error;
    if (text == "warning") return LogLevel::warning;
    if (text == "info") return LogLevel::info;
    if (text == "debug") return LogLevel::debug;
    return std::nullopt;
}

namespace {

struct WarningWithLoops {
    std::string line;
    bool has_loops = false;
};
constinit FutexLock warning_lock;
constinit MadeOnce<WarningWithLoops> warning;

// Calls `change` under the lock, and says what there is to be said then.
template <class Change>
void say_with_loops(Change&& change) {
    std::string line;
    {
        const std::lock_guard held(warning_lock);
        WarningWithLoops& state = warning.get();
        change(state);
        if (state.has_loops) line.swap(state.line);
    }
    if (!line.empty()) log_once(LogLevel::warning, line);
}

}  // namespace

RunOptions apply_environment(RunOptions options) {
    if (const auto value = environment_variable("COIR_STACK")) apply_stack(options, *value);
    if (const auto value = environment_variable("COIR_POOL")) apply_pool(options, *value);
    if (const auto value = environment_variable("COIR_DEBUG")) apply_debug(options, *value);
    const auto level = environment_variable("COIR_LOG");
    if (level && !parse_log_level(*level)) {
        complain("COIR_LOG", *level, "ignored; allowed is one of error, warning, info, debug");
    }
    say_with_loops([](WarningWithLoops& state) { state.has_loops = true; });
    return options;
}

bool debug_watches(DebugWord word) noexcept {
    constexpr unsigned looked = 1u << 31;
    static constinit std::atomic<unsigned> known{0};
    unsigned words = known.load(std::memory_order_relaxed);
    if (words == 0) {
        words = looked;
        const char* value = std::getenv("COIR_DEBUG");
        for (std::string_view rest = value ? value : ""; !rest.empty();) {
            const std::size_t comma = rest.find(',');
            words |= bit_of(trimmed(rest.substr(0, comma)));
            rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
        }
        known.store(words, std::memory_order_relaxed);
    }
    return (words & static_cast<unsigned>(word)) != 0;
}

void warn_with_loops(const std::string& line) {
    say_with_loops([&](WarningWithLoops& state) { state.line = line; });
}

bool detached_failure_aborts() {
    const auto value = environment_variable("COIR_DETACHED_FAILURE");
    if (!value || *value == "log") return false;
    if (*value == "abort_run") return true;
    complain("COIR_DETACHED_FAILURE", *value, "ignored; allowed is log or abort_run");
    return false;
}

void check_environment() {
    static_cast<void>(apply_environment({}));
    static_cast<void>(detached_failure_aborts());
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
