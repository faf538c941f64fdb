// SPDX-License-Identifier: BSL-1.0
#include "name_list.hpp"

#include <optional>

namespace coir_tool {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    for (;;) {
        const std::size_t begin = line.find_first_not_of(" \t\r");
        if (begin == std::string_view::npos) return words;
        line.remove_prefix(begin);
        const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
        words.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
}

// U: undefined; w and v: weak and undefined.
bool is_undefined(std::string_view type) { return type == "U" || type == "w" || type == "v"; }
bool is_type(std::string_view word) { return word.size() == 1; }

std::optional<std::string_view> imported_in(std::string_view line) {
    std::vector<std::string_view> words = words_of(line);
    // nm -A: the file comes first.
    if (words.size() > 1 && words[0].ends_with(':')) words.erase(words.begin());
    if (words.empty() || words[0].ends_with(':')) return std::nullopt;
    if (words.size() == 1) return words[0];
    if (is_type(words[0])) {
        return is_undefined(words[0]) ? std::optional(words[1]) : std::nullopt;
    }
    if (is_type(words[1])) {  // nm -P: the name comes first; else an address
        return is_undefined(words[1]) && words.size() <= 4 ? std::optional(words[0]) : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

std::vector<ImportedName> parse_names(std::string_view text) {
    std::vector<ImportedName> names;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (const auto word = imported_in(text.substr(0, end))) {
            const std::size_t at = std::min(word->find('@'), word->size());
            std::string_view version = word->substr(at);
            version.remove_prefix(std::min(version.find_first_not_of('@'), version.size()));
            if (at > 0) names.push_back({std::string(word->substr(0, at)), std::string(version)});
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return names;
}

}  // namespace coir_tool
