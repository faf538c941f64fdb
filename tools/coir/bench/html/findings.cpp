// SPDX-License-Identifier: BSL-1.0
#include "bench/html/findings.hpp"

#include "bench/html/markup.hpp"
#include "table.hpp"

namespace coir_tool {
namespace {

bool is_size(const CaseInfo& info) { return info.unit == "bytes"; }

std::string strong(const std::string& name) { return element("strong", "", shortened(name, 40)); }

// "a", "a and b", "a, b and c".
std::string with_and(const std::vector<std::string>& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
        text += words[i];
    }
    return text;
}

std::string names_of(const std::vector<const Series*>& all) {
    std::vector<std::string> names;
    for (const Series* one : all) names.push_back(strong(one->subject.name));
    return with_and(names);
}

// "1.27 times as fast as the next, poll (1.24 to 1.31)"
std::string margin(const CaseInfo& info, const Comparison& comparison, const Series& other,
                   bool others_follow) {
    const std::string name =
        (others_follow ? "the next, " : "") + escaped(shortened(other.subject.name, 40));
    const std::string times = shortened(format_fixed(comparison.speed, 2), 12) + " times ";
    return times + (is_size(info) ? "less memory than " : "as fast as ") + name + " (" +
           shortened(format_fixed(comparison.speed_interval.low, 2), 12) + " to " +
           shortened(format_fixed(comparison.speed_interval.high, 2), 12) + ")";
}

struct Standing {
    const Series* best = nullptr;
    std::vector<const Series*> tied;  // the best, and what is the same within noise
    const Series* next = nullptr;     // the nearest that is beyond noise
    Comparison ahead_of_next;
    std::vector<const Series*> unknown;  // cannot be told from so few rounds
    std::size_t count = 0;
};

// Round by round, as the verdicts are; by the medians where that cannot be.
bool is_better(const CaseInfo& info, const Series& one, const Series& other) {
    if (const std::optional<Comparison> comparison = compared(info, one, other)) {
        return comparison->speed > 1;
    }
    const double first = summarise(one.rounds).median;
    const double second = summarise(other.rounds).median;
    return info.higher_is_better ? first > second : first < second;
}

Standing standing_of(const CaseResult& result) {
    Standing standing;
    std::vector<const Series*> contenders;
    for (const Series& series : result.series) {
        if (!is_contender(series.subject) || !is_measured(series)) continue;
        contenders.push_back(&series);
        if (!standing.best || is_better(result.info, series, *standing.best)) standing.best = &series;
    }
    standing.count = contenders.size();
    for (const Series* other : contenders) {
        if (other == standing.best) {
            standing.tied.push_back(other);
            continue;
        }
        const std::optional<Comparison> ahead = compared(result.info, *standing.best, *other);
        if (!ahead || ahead->finding == Finding::too_few_rounds) {
            standing.unknown.push_back(other);
        } else if (ahead->finding != Finding::faster) {
            standing.tied.push_back(other);
        } else if (!standing.next || ahead->speed < standing.ahead_of_next.speed) {
            standing.next = other;
            standing.ahead_of_next = *ahead;
        }
    }
    return standing;
}

}  // namespace

std::string verdict_words(const CaseInfo& info, Finding finding) {
    switch (finding) {
        case Finding::same:
            return "≈ same within noise";
        case Finding::faster:
            return is_size(info) ? "▲ smaller" : "▲ faster";
        case Finding::slower:
            return is_size(info) ? "▼ larger" : "▼ slower";
        case Finding::too_few_rounds:
            break;
    }
    return "? too few rounds";
}

BestWords describe_best(const CaseResult& result) {
    const Standing standing = standing_of(result);
    if (!standing.best) return {"nothing was measured", {}, {}};
    const std::string best = strong(standing.best->subject.name);
    if (standing.count == 1) return {"only " + best + " was measured: nothing to compare it with", {}, {}};
    if (!standing.unknown.empty()) {
        return {best + " had the best median, but the rounds are too few or too odd for a verdict", {}, {}};
    }
    const std::string superlative = is_size(result.info) ? "smallest" : "fastest";
    if (!standing.next) {
        return {"none is ahead: " + names_of(standing.tied) + " are the same within noise", {}, {}};
    }
    const bool others_follow = standing.tied.size() + 1 < standing.count;
    const std::string by =
        margin(result.info, standing.ahead_of_next, *standing.next, others_follow);
    if (standing.tied.size() == 1) return {best + " is the " + superlative, ": ", by};
    return {names_of(standing.tied) + " are ahead, and the same within noise", "; ", best + " is " + by};
}

}  // namespace coir_tool
