// SPDX-License-Identifier: BSL-1.0
#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace coir_tool {
namespace {

std::string padded(const Cell& cell, std::size_t width, bool right, bool colours) {
    const std::string padding(width - width_of(cell.text), ' ');
    const std::string text = coloured(cell.text, cell.colour, colours);
    return right ? padding + text : text + padding;
}

}  // namespace

std::string Table::format(bool colours, std::size_t indent) const {
    std::vector<std::size_t> widths(columns_.size(), 0);
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width_of(row[i].text));
        }
    }
    std::vector<Cell> heads;
    for (const Column& column : columns_) heads.push_back({column.title, Colour::dim});
    std::string text;
    const auto add_row = [&](const std::vector<Cell>& row) {
        std::string line(indent, ' ');
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (widths[i] == 0) continue;
            const std::size_t width = std::max(widths[i], width_of(columns_[i].title));
            line += padded(i < row.size() ? row[i] : Cell{}, width, columns_[i].right, colours);
            line += "  ";
        }
        const std::size_t last = line.find_last_not_of(' ');
        text += (last == std::string::npos ? std::string() : line.substr(0, last + 1)) + "\n";
    };
    add_row(heads);
    for (const auto& row : rows_) add_row(row);
    return text;
}

std::string coloured(const std::string& text, Colour colour, bool colours) {
    if (!colours || colour == Colour::plain || text.empty()) return text;
    const char* code = "";
    switch (colour) {
        case Colour::plain:
            break;
        case Colour::bold:
            code = "1";
            break;
        case Colour::dim:
            code = "2";
            break;
        case Colour::green:
            code = "32";
            break;
        case Colour::red:
            code = "31";
            break;
        case Colour::yellow:
            code = "33";
            break;
    }
    return std::string("\x1b[") + code + "m" + text + "\x1b[0m";
}

std::size_t width_of(const std::string& text) {
    // Every byte of UTF-8 but the continuations begins a character.
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char letter) {
        return (static_cast<unsigned char>(letter) & 0xC0) != 0x80;
    }));
}

std::string wrapped(const std::string& text, std::size_t indent, std::size_t width) {
    std::string result;
    std::size_t column = indent;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t space = std::min(text.find(' ', at), text.size());
        const std::string word = text.substr(at, space - at);
        if (column > indent && column + 1 + word.size() > width) {
            result += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (column > indent) {
            result += ' ';
            ++column;
        }
        result += word;
        column += word.size();
        at = space + 1;
    }
    return result;
}

std::string format_fixed(double number, int decimals) {
    char digits[64];
    std::snprintf(digits, sizeof digits, "%.*f", decimals, number);
    return digits;
}

namespace {

struct Unit {
    double factor;
    const char* name;
};

// In the greatest unit that leaves at least 1, with three digits.
template <std::size_t count>
std::string format_scaled(double number, const Unit (&units)[count]) {
    const Unit* unit = &units[0];
    for (const Unit& next : units) {
        // Not at 1000: 999.96 would be shown as 1000.
        if (std::fabs(number) >= 0.9995 * next.factor) unit = &next;
    }
    const double shown = number / unit->factor;
    return format_fixed(shown, shown < 9.995 ? 2 : shown < 99.95 ? 1 : 0) + unit->name;
}

}  // namespace

std::string format_ns(double nanoseconds) {
    constexpr Unit units[] = {{1, " ns"}, {1e3, " us"}, {1e6, " ms"}, {1e9, " s"}};
    return format_scaled(nanoseconds, units);
}

std::string format_bytes(double bytes) {
    constexpr Unit units[] = {{1e3, " KB"}, {1e6, " MB"}, {1e9, " GB"}};
    if (std::fabs(bytes) < 999.5) return format_fixed(bytes, 0) + " B";
    return format_scaled(bytes, units);
}

std::string format_byte_limit(const std::string& bytes) {
    if (bytes.empty() || bytes.find_first_not_of("0123456789") != std::string::npos) return bytes;
    return format_bytes(std::strtod(bytes.c_str(), nullptr));
}

std::string format_whole(double number) {
    std::string digits = format_fixed(std::floor(number + 0.5), 0);
    for (std::size_t at = digits.size(); at > 3 && digits[at - 4] != '-';) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string format_short(double number) {
    constexpr Unit units[] = {{1e3, "k"}, {1e6, "M"}};
    return number < 999.5 ? format_fixed(number, 0) : format_scaled(number, units);
}

std::string bar(double share, std::size_t width, bool utf8) {
    static constexpr const char* eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const double shown = share > 0 ? std::min(share, 1.0) : 0.0;  // NaN is nothing
    const double columns = shown * static_cast<double>(width);
    std::string text;
    if (!utf8) return std::string(static_cast<std::size_t>(columns + 0.5), '#');
    const auto steps = static_cast<std::size_t>(columns * 8 + 0.5);
    for (std::size_t i = 0; i < steps / 8; ++i) text += "█";
    return text + eighths[steps % 8];
}

}  // namespace coir_tool
