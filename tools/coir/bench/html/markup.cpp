// SPDX-License-Identifier: BSL-1.0
#include "bench/html/markup.hpp"

#include "table.hpp"

#include <cmath>

namespace coir_tool {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

struct Character {
    std::size_t length = 1;
    bool valid = false;
};

// The length that a first byte announces; 0: it is none.
std::size_t announced_length(unsigned char first) {
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first < 0xE0) return 2;
    if (first >= 0xE0 && first < 0xF0) return 3;
    if (first >= 0xF0 && first < 0xF5) return 4;
    return 0;
}

bool is_allowed(char32_t code) {
    if (code < 0x20) return code == '\t' || code == '\n' || code == '\r';
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    const bool none = (code & 0xFFFE) == 0xFFFE || (code >= 0xFDD0 && code <= 0xFDEF);
    return code != 0x7F && !(code > 0x7F && code < 0xA0) && !surrogate && !none;
}

// What is at the beginning of `text`, which is not empty.
Character first_of(std::string_view text) {
    static constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    static constexpr unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t length = announced_length(first);
    if (length == 0 || length > text.size()) return {};
    char32_t code = first & masks[length];
    for (std::size_t i = 1; i < length; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xC0) != 0x80) return {};
        code = code << 6 | (byte & 0x3Fu);
    }
    if (code < least[length] || code > 0x10FFFF) return {};
    return {length, is_allowed(code)};
}

}  // namespace

std::string escaped(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const Character character = first_of(text);
        const std::string_view bytes = text.substr(0, character.length);
        if (!character.valid) {
            result += replacement;
        } else if (bytes == "&") {
            result += "&amp;";
        } else if (bytes == "<") {
            result += "&lt;";
        } else if (bytes == ">") {
            result += "&gt;";
        } else if (bytes == "\"") {
            result += "&quot;";
        } else {
            result += bytes;
        }
        text.remove_prefix(character.length);
    }
    return result;
}

std::string shortened(const std::string& text, std::size_t most) {
    std::size_t characters = 0;
    std::size_t cut = 0;
    for (std::size_t at = 0; at < text.size();) {
        if (characters + 1 == most) cut = at;
        if (++characters > most) return text.substr(0, cut) + "…";
        at += first_of(std::string_view(text).substr(at)).length;
    }
    return text;
}

std::string coordinate(double number) {
    const double tenths = std::round(number * 10);
    if (tenths == 0) return "0";
    return format_fixed(tenths / 10, std::fmod(tenths, 10) == 0 ? 0 : 1);
}

std::string percent_of(double share) { return coordinate(100 * share) + "%"; }

std::string enclosed(std::string_view tag, std::string_view attributes, std::string_view markup) {
    std::string text = "<" + std::string(tag);
    if (!attributes.empty()) text.append(" ").append(attributes);
    return text.append(">").append(markup).append("</").append(tag).append(">");
}

std::string element(std::string_view tag, std::string_view attributes, std::string_view text) {
    return enclosed(tag, attributes, escaped(text));
}

}  // namespace coir_tool
