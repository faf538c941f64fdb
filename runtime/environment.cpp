// SPDX-License-Identifier: BSL-1.0
// See environment.hpp. The table of all variables is in docs/environment.md.
#include "environment.hpp"

#include <coir/error.hpp>

#include <charconv>
#include <cstdlib>
#include <stdexcept>

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

[[noreturn]] void refuse(const char* name, const std::string& value, const char* allowed) {
    throw std::invalid_argument(std::string("coir: ") + name + "='" + value + "': " + allowed);
}

// One word of COIR_DEBUG.
void apply_debug_word(RunOptions& options, const std::string& whole, std::string_view word) {
    if (word == "1") {
        options.debug = true;
    } else if (word.starts_with("slow=")) {
        const auto threshold = parse_duration(word.substr(5));
        if (!threshold) refuse("COIR_DEBUG", whole, "slow= takes a duration such as 20ms");
        options.debug = true;
        options.slow_task_threshold = *threshold;
    } else if (word != "0" && word != "locks" && word != "fds" && word != "passthrough" &&
               word != "reactor") {
        refuse("COIR_DEBUG", whole,
               "allowed is 1 or a list of slow=DURATION, locks, fds, passthrough, reactor");
    }
}

}  // namespace

RunOptions apply_environment(RunOptions options) {
    const RunOptions defaults;
    if (const auto text = environment_variable("COIR_STACK")) {
        const auto bytes = parse_number(*text);
        if (!bytes || *bytes < 16384) {
            refuse("COIR_STACK", *text, "allowed is a number of bytes from 16384");
        }
        if (options.stack_size == defaults.stack_size) options.stack_size = *bytes;
    }
    if (const auto text = environment_variable("COIR_POOL")) {
        const auto threads = parse_number(*text);
        if (!threads || *threads == 0 || *threads > 4096) {
            refuse("COIR_POOL", *text, "allowed is a number of threads from 1 to 4096");
        }
        if (options.max_threads == 0) options.max_threads = static_cast<unsigned>(*threads);
    }
    if (const auto text = environment_variable("COIR_DEBUG")) {
        std::string_view rest = *text;
        while (!rest.empty()) {
            const std::size_t comma = rest.find(',');
            apply_debug_word(options, *text, rest.substr(0, comma));
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        }
    }
    return options;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
