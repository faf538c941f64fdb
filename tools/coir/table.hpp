// SPDX-License-Identifier: BSL-1.0
// Aligned columns of text, and numbers as people read them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace coir_tool {

enum class Colour : unsigned char { plain, bold, dim, green, red, yellow };

struct Cell {
    std::string text;
    Colour colour = Colour::plain;
};

class Table {
public:
    struct Column {
        std::string title;
        bool right = false;  ///< aligned to the right
    };
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    /// Missing cells at the end are empty.
    void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
    /// Lines of `indent` spaces and the columns; a column that is empty throughout is left out.
    std::string format(bool colours, std::size_t indent = 2) const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

/// The text in a colour, for terminals.
std::string coloured(const std::string& text, Colour colour, bool colours);
/// How many columns of a terminal UTF-8 text takes; all that coir prints is one wide.
std::size_t width_of(const std::string& text);
/// The text broken at spaces into lines of at most `width`, each but the first after `indent`
/// spaces.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t width = 96);

/// "12.3 ns", "4.56 us", "1.20 ms", "3.00 s".
std::string format_ns(double nanoseconds);
/// "12 B", "4.61 KB", "24.0 MB": thousands, not 1,024s.
std::string format_bytes(double bytes);
/// A limit in bytes as the kernel names it: the same, or "unlimited".
std::string format_byte_limit(const std::string& bytes);
/// "231,034".
std::string format_whole(double number);
/// "231k", "1.25M", "934".
std::string format_short(double number);
std::string format_fixed(double number, int decimals);
/// A horizontal bar, `share` (0 to 1) of `width` columns: eighths of blocks, or '#' without UTF-8.
std::string bar(double share, std::size_t width, bool utf8);

}  // namespace coir_tool
