// SPDX-License-Identifier: BSL-1.0
#include "text.hpp"

#include "command.hpp"

#include <algorithm>
#include <cstddef>

namespace coir_tool {
namespace {

// How many letters must be inserted, removed, replaced or swapped with their neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> cost(a.size() + 1,
                                               std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1,
                                   cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[a.size()][b.size()];
}

}  // namespace

std::string in_quotes(std::string_view text) {
    constexpr std::size_t most = 120;
    std::string result = "'";
    for (const char letter : text.substr(0, most)) {
        const auto code = static_cast<unsigned char>(letter);
        result += code < 0x20 || code == 0x7f ? '?' : letter;
    }
    if (text.size() > most) result += "...";
    return result + "'";
}

std::string listed(const std::vector<std::string>& words) {
    std::string result;
    for (const std::string& word : words) result += (result.empty() ? "" : ", ") + word;
    return result;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    constexpr std::size_t longest = 40;
    if (word.empty() || word.size() > longest) return {};
    const std::string* nearest = nullptr;
    std::size_t nearest_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        std::size_t distance = edit_distance(word, candidate);
        // "uring" for "io_uring": somebody who leaves the rest away means it.
        if (word.size() >= 3 && candidate.find(word) != std::string::npos) distance = 1;
        if (distance >= nearest_distance) continue;
        nearest = &candidate;
        nearest_distance = distance;
    }
    return nearest ? "; did you mean '" + *nearest + "'?" : std::string();
}

std::vector<std::string> split_list(std::string_view option, std::string_view text) {
    std::vector<std::string> items;
    for (;;) {
        const std::size_t comma = text.find(',');
        items.emplace_back(text.substr(0, comma));
        if (items.back().empty()) {
            throw UsageError(std::string(option) + " takes a list such as a,b without empty items");
        }
        if (comma == std::string_view::npos) return items;
        text.remove_prefix(comma + 1);
    }
}

std::string without_prefix(std::string_view message) {
    constexpr std::string_view prefix = "coir: ";
    if (message.substr(0, prefix.size()) == prefix) message.remove_prefix(prefix.size());
    std::string line(message);
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

}  // namespace coir_tool
