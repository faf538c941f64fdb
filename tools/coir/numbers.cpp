// SPDX-License-Identifier: BSL-1.0
#include "numbers.hpp"

#include "command.hpp"
#include "text.hpp"

#include <charconv>
#include <cstdio>
#include <string>

namespace coir_tool {
namespace {

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

std::string plain(double number) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%g", number);
    return digits;
}

}  // namespace

std::uint64_t parse_count(std::string_view option, std::string_view text, std::uint64_t least,
                          std::uint64_t most) {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (text.empty() || error != std::errc() || stopped != end || number < least || number > most) {
        throw UsageError(std::string(option) + " takes a whole number from " +
                         std::to_string(least) + " to " + std::to_string(most) + ", got " +
                         in_quotes(text));
    }
    return number;
}

double parse_seconds(std::string_view option, std::string_view text, double least, double most) {
    const auto refuse = [&] {
        return UsageError(std::string(option) + " takes seconds from " + plain(least) + " to " +
                          plain(most) + " such as " + (least < 0.25 ? "0.5, 2s or 250ms" : "5 or 20s") +
                          ", got " + in_quotes(text));
    };
    // from_chars would also take "inf", "nan" and "-1"; digits must come first, and last.
    if (text.empty() || !is_digit(text.front())) throw refuse();
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] =
        std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (error != std::errc()) throw refuse();
    const std::string_view unit(stopped, static_cast<std::size_t>(end - stopped));
    if (unit == "ms") {
        number /= 1000;
    } else if (unit != "s" && !unit.empty()) {
        throw refuse();
    }
    if (!is_digit(*(stopped - 1)) || !(number >= least && number <= most)) throw refuse();
    return number;
}

double parse_percent(std::string_view option, std::string_view text) {
    double number = 0;
    std::string_view digits = text;
    if (digits.ends_with("%")) digits.remove_suffix(1);
    const char* end = digits.data() + digits.size();
    const auto [stopped, error] =
        std::from_chars(digits.data(), end, number, std::chars_format::fixed);
    const bool plain_number = !digits.empty() && is_digit(digits.front()) && is_digit(digits.back());
    if (!plain_number || error != std::errc() || stopped != end || !(number > 0 && number <= 1000)) {
        throw UsageError(std::string(option) +
                         " takes percent above 0 and up to 1000 such as 5 or 2.5, got " +
                         in_quotes(text));
    }
    return number;
}

}  // namespace coir_tool
