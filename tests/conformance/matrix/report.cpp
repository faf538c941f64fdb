// SPDX-License-Identifier: BSL-1.0
// The matrix for people, for programs, and for the documentation.
#include "matrix.hpp"

#include <algorithm>
#include <cstdio>

namespace coir_matrix {
namespace {

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
            out += escaped;
        } else {
            out += c;
        }
    }
    return out + '"';
}

const char* verdict(const Cell& cell) {
    if (!cell.expected.applies) return "-";
    if (cell.differs) return "differs";
    return cell.passed ? "ok" : "WRONG";
}

struct Counts {
    std::size_t passed = 0, failed = 0, not_applicable = 0, differ = 0;
};

Counts count(const std::vector<Cell>& cells) {
    Counts counts;
    for (const Cell& cell : cells) {
        if (!cell.expected.applies) {
            ++counts.not_applicable;
        } else if (!cell.passed) {
            ++counts.failed;
        } else {
            ++counts.passed;
            counts.differ += cell.differs;
        }
    }
    return counts;
}

std::string format_heads(std::size_t first_column) {
    std::string text;
    for (std::size_t i = 0; i < situation_count; ++i) {
        text += padded(std::to_string(i + 1), 3) + to_string(static_cast<Situation>(i)) + "\n";
    }
    text += "\n" + padded("", first_column);
    for (std::size_t i = 0; i < situation_count; ++i) text += padded(std::to_string(i + 1), 6);
    while (text.back() == ' ') text.pop_back();
    return text + "\n";
}

}  // namespace

std::string format_table(const std::vector<Cell>& cells, std::string_view reactor) {
    std::size_t width = 0;
    for (const Cell& cell : cells) width = std::max(width, cell.row.size() + 2);
    std::string text = format_heads(width);
    std::string line;
    const auto flush = [&] {
        while (!line.empty() && line.back() == ' ') line.pop_back();
        if (!line.empty()) text += line + "\n";
        line.clear();
    };
    for (const Cell& cell : cells) {
        if (cell.situation == Situation::at_once) {
            flush();
            line = padded(cell.row, width);
        }
        line += padded(verdict(cell), 6);
    }
    flush();
    for (const Cell& cell : cells) {
        if (cell.passed && !cell.differs) continue;
        text += std::string(cell.passed ? "differs: " : "wrong: ") + cell.row + ", " + to_string(cell.situation) +
                ": expected '" + cell.expected.text + "', got '" + cell.got + "'\n";
    }
    const Counts counts = count(cells);
    text += "\n" + std::string(reactor) + ": " + std::to_string(counts.passed) + " of " +
            std::to_string(counts.passed + counts.failed) + " cells are as expected";
    if (counts.differ > 0) text += ", " + std::to_string(counts.differ) + " of them as a known difference";
    return text + "; " + std::to_string(counts.not_applicable) + " do not apply\n";
}

std::string format_json(const std::vector<Cell>& cells, std::string_view reactor) {
    const Counts counts = count(cells);
    std::string text = "{\"schema\":\"coir.conformance/1\",\"reactor\":" + quoted(reactor) +
                       ",\"passed\":" + std::to_string(counts.passed) +
                       ",\"failed\":" + std::to_string(counts.failed) +
                       ",\"not_applicable\":" + std::to_string(counts.not_applicable) + ",\"cells\":[";
    bool first = true;
    for (const Cell& cell : cells) {
        text += first ? "\n" : ",\n";
        first = false;
        text += "{\"operation\":" + quoted(cell.row) + ",\"situation\":" + quoted(to_string(cell.situation));
        if (!cell.expected.applies) {
            text += ",\"not_applicable\":" + quoted(cell.expected.text) + "}";
            continue;
        }
        text += ",\"expected\":" + quoted(cell.expected.text) + ",\"got\":" + quoted(cell.got) +
                ",\"verdict\":" + quoted(cell.differs ? "difference" : cell.passed ? "passed" : "failed") + "}";
    }
    return text + "\n]}\n";
}

std::string format_expectations() {
    const auto rows = expectations();
    std::string text = "| operation |";
    for (std::size_t i = 0; i < situation_count; ++i) text += std::string(" ") + to_string(static_cast<Situation>(i)) + " |";
    text += "\n|---|";
    for (std::size_t i = 0; i < situation_count; ++i) text += "---|";
    text += "\n";
    std::vector<std::string> reasons;
    std::size_t cells = 0;
    for (const Expectations& row : rows) {
        text += "| " + row.row + " |";
        for (const Expected& cell : row.cells) {
            if (cell.applies) {
                ++cells;
                text += " " + cell.text + " |";
                continue;
            }
            auto known = std::find(reasons.begin(), reasons.end(), cell.text);
            if (known == reasons.end()) known = reasons.insert(reasons.end(), cell.text);
            text += " n/a (" + std::to_string(known - reasons.begin() + 1) + ") |";
        }
        text += "\n";
    }
    text += "\n" + std::to_string(rows.size()) + " operations in " + std::to_string(situation_count) + " situations: " +
            std::to_string(cells) + " cells. Not applicable (n/a), because\n\n";
    for (std::size_t i = 0; i < reasons.size(); ++i) text += std::to_string(i + 1) + ". " + reasons[i] + "\n";
    text += "\nThe situations:\n\n";
    for (std::size_t i = 0; i < situation_count; ++i) {
        const auto situation = static_cast<Situation>(i);
        text += std::string("- *") + to_string(situation) + "*: " + describe(situation) + "\n";
    }
    text += "\nDifferences between reactors that a kernel forces: ";
    if (differences().empty()) return text + "none.\n";
    text += "\n\n";
    for (const Difference& one : differences()) {
        text += "- " + one.row + ", " + to_string(one.situation) + ": also '" + one.also + "': " + one.reason + "\n";
    }
    return text;
}

}  // namespace coir_matrix
