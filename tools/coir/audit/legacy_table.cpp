// SPDX-License-Identifier: BSL-1.0
#include "legacy_table.hpp"

#include "runtime/legacy/pooled.hpp"
#include "runtime/legacy/symbols.hpp"

#include <algorithm>
#include <unordered_map>

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
    return std::find(std::begin(one_by_one), std::end(one_by_one), symbol) != std::end(one_by_one) ||
           std::find(std::begin(by_category), std::end(by_category), category) !=
               std::end(by_category);
}

}  // namespace

const std::vector<CoveredCall>& covered_calls() {
    static const std::vector<CoveredCall> calls = [] {
        std::vector<CoveredCall> list = {
#define COIR_LEGACY_COVERED(symbol, category, ...) {#symbol, #category, false},
            COIR_LEGACY_SYMBOLS(COIR_LEGACY_COVERED)
#undef COIR_LEGACY_COVERED
#ifdef COIR_LEGACY_VARIADIC_SYMBOLS
#define COIR_LEGACY_COVERED(symbol, ...) {#symbol, "io", false},
                COIR_LEGACY_VARIADIC_SYMBOLS(COIR_LEGACY_COVERED)
#undef COIR_LEGACY_COVERED
#endif
        };
        for (CoveredCall& call : list) call.pooled = is_pooled(call.symbol, call.category);
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

std::vector<std::string> legacy_categories() {
    std::vector<std::string> names;
    for (const CoveredCall& call : covered_calls()) {
        if (call.category == "life") continue;
        if (std::find(names.begin(), names.end(), call.category) == names.end()) {
            names.emplace_back(call.category);
        }
    }
    return names;
}

}  // namespace coir_tool
