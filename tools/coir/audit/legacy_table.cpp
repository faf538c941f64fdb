// SPDX-License-Identifier: BSL-1.0
#include "legacy_table.hpp"

#include <algorithm>
#include <unordered_map>

#include "runtime/legacy/coverage.hpp"
#include "runtime/legacy/symbols.hpp"

namespace coir_tool {
namespace {

bool is_pooled(std::string_view symbol, std::string_view category) {
    static constexpr std::string_view one_by_one[] = {
#define COIR_LEGACY_NAME(name) #name,
        COIR_LEGACY_POOLED_SYMBOLS(COIR_LEGACY_NAME)
#undef COIR_LEGACY_NAME
    };
    static constexpr std::string_view by_category[] = {
#define COIR_LEGACY_NAME(name) #name,
        COIR_LEGACY_POOLED_CATEGORIES(COIR_LEGACY_NAME)
#undef COIR_LEGACY_NAME
    };
    return std::find(std::begin(one_by_one), std::end(one_by_one), symbol) !=
               std::end(one_by_one) ||
           std::find(std::begin(by_category), std::end(by_category), category) !=
               std::end(by_category);
}

// The word of COIR_LEGACY that a category of the table belongs to.
std::string_view word_of(std::string_view category) {
    static constexpr std::string_view inner[][2] = {
#define COIR_LEGACY_NAMES(name, word) {#name, #word},
        COIR_LEGACY_INNER_CATEGORIES(COIR_LEGACY_NAMES)
#undef COIR_LEGACY_NAMES
    };
    for (const auto& [name, word] : inner) {
        if (category == name) return word;
    }
    return category;
}

// Off unless somebody asks for it.
bool is_optional(std::string_view category) {
    const std::vector<std::string> words = optional_legacy_categories();
    return std::find(words.begin(), words.end(), category) != words.end();
}

// What is covered because another function is, as the other one.
void add_implied(std::vector<CoveredCall>& list) {
    static constexpr std::string_view implied[][2] = {
#define COIR_LEGACY_NAMES(symbol, other) {#symbol, #other},
        COIR_LEGACY_IMPLIED_SYMBOLS(COIR_LEGACY_NAMES)
#undef COIR_LEGACY_NAMES
    };
    for (const auto& [symbol, other] : implied) {
        const auto named = [name = other](const CoveredCall& call) { return call.symbol == name; };
        const auto found = std::find_if(list.begin(), list.end(), named);
        if (found != list.end()) list.push_back({symbol, found->category, found->pooled});
    }
}

}  // namespace

const std::vector<CoveredCall>& covered_calls() {
    static const std::vector<CoveredCall> calls = [] {
        std::vector<CoveredCall> list = {
#define COIR_LEGACY_COVERED(symbol, category, ...) {#symbol, #category, false},
            COIR_LEGACY_SYMBOLS(COIR_LEGACY_COVERED)
#undef COIR_LEGACY_COVERED
        };
        // The other parts of the table do not name a category.
        static constexpr std::string_view variadic[] = {
#define COIR_LEGACY_NAME(symbol) #symbol,
            COIR_LEGACY_VARIADIC_SYMBOLS(COIR_LEGACY_NAME)
#undef COIR_LEGACY_NAME
        };
        for (const std::string_view symbol : variadic) list.push_back({symbol, "io", false});
        std::erase_if(list, [](const CoveredCall& call) { return is_optional(call.category); });
        for (CoveredCall& call : list) {
            call.category = word_of(call.category);
            call.pooled = is_pooled(call.symbol, call.category);
        }
        add_implied(list);
        return list;
    }();
    return calls;
}

const CoveredCall* find_covered(std::string_view symbol) {
    static const auto index = [] {
        std::unordered_map<std::string_view, const CoveredCall*> by_name;
        for (const CoveredCall& call : covered_calls()) by_name.emplace(call.symbol, &call);
        return by_name;
    }();
    const auto found = index.find(symbol);
    return found == index.end() ? nullptr : found->second;
}

std::vector<std::string> optional_legacy_categories() {
    return {
#define COIR_LEGACY_NAME(name) #name,
        COIR_LEGACY_OPTIONAL_CATEGORIES(COIR_LEGACY_NAME)
#undef COIR_LEGACY_NAME
    };
}

std::vector<std::string> legacy_categories() {
    std::vector<std::string> names = covered_categories();
    std::erase(names, COIR_LEGACY_NO_WORD);
    return names;
}

std::vector<std::string> covered_categories() {
    std::vector<std::string> names;
    for (const CoveredCall& call : covered_calls()) {
        if (std::find(names.begin(), names.end(), call.category) == names.end()) {
            names.emplace_back(call.category);
        }
    }
    return names;
}

}  // namespace coir_tool
