// SPDX-License-Identifier: BSL-1.0
// SimOptions as text, for files that keep a failing run.
//
//     seed 17
//     order uniform
//     reactor io_uring
//     faults partial=0.25 latency=1000
//     choices .12 1:4=2 .3 5:2=1
//
// A choice is site:count=picked; .12 are twelve harmless ones. Lines that begin with # or with
// another word are for people and other programs.
#include "fault_table.hpp"

#include <coir/testing.hpp>

#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace coir {
inline namespace v0 {
namespace testing {
namespace {

using coir::detail::sim::FaultKind;

struct Word {
    const char* name;
    unsigned value;
};
constexpr Word orders[] = {{"drawn", 0}, {"fifo", 1}, {"uniform", 2}, {"priorities", 3}, {"starvation", 4}};
constexpr Word reactors[] = {{"drawn", 0}, {"readiness", 1}, {"io_uring", 2}};

[[noreturn]] void fail(std::string_view what, std::string_view text) {
    throw std::invalid_argument("coir: a simulation's text: " + std::string(what) + ", got '" +
                                std::string(text) + "'");
}

std::string exact(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.17g", value);
    return text;
}

std::string faults_text(const SimFaults& faults) {
    std::string text;
    const auto add = [&text](const char* name, const std::string& value) {
        text += std::string(" ") + name + "=" + value;
    };
    if (faults.latency.count() != 0) add("latency", std::to_string(faults.latency.count()));
    if (faults.jitter.count() != 0) add("jitter", std::to_string(faults.jitter.count()));
    if (faults.bytes_per_second != 0) add("bytes_per_second", std::to_string(faults.bytes_per_second));
    for (const FaultKind& kind : coir::detail::sim::fault_kinds()) {
        if (kind.is_on(faults)) add(kind.name, kind.rate ? exact(faults.*kind.rate) : "1");
    }
    return text;
}

// The next word, and what is left.
std::string_view next_word(std::string_view& rest) {
    const std::size_t from = std::min(rest.find_first_not_of(" \t\r"), rest.size());
    rest.remove_prefix(from);
    const std::size_t size = std::min(rest.find_first_of(" \t\r"), rest.size());
    const std::string_view word = rest.substr(0, size);
    rest.remove_prefix(size);
    return word;
}

template <class T>
T number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) fail("a number is expected", text);
    return value;
}

template <std::size_t size>
unsigned value_of(const Word (&words)[size], std::string_view text) {
    for (const Word& word : words) {
        if (text == word.name) return word.value;
    }
    fail("an order or a reactor is expected", text);
}

void set_fault(SimFaults& faults, std::string_view name, std::string_view value) {
    for (const FaultKind& kind : coir::detail::sim::fault_kinds()) {
        if (name != kind.name) continue;
        if (kind.rate) {
            faults.*kind.rate = number<double>(value);
        } else {
            faults.*kind.flag = number<int>(value) != 0;
        }
        return;
    }
    if (name == "latency") {
        faults.latency = std::chrono::nanoseconds(number<std::int64_t>(value));
    } else if (name == "jitter") {
        faults.jitter = std::chrono::nanoseconds(number<std::int64_t>(value));
    } else if (name == "bytes_per_second") {
        faults.bytes_per_second = number<std::uint64_t>(value);
    } else {
        fail("a kind of fault is expected", name);
    }
}

void add_choice(std::vector<SimChoice>& choices, std::string_view word) {
    constexpr std::size_t most = 10'000'000;
    if (word.front() == '.') {
        const auto count = number<std::size_t>(word.substr(1));
        if (count > most - std::min(most, choices.size())) fail("fewer choices are expected", word);
        choices.insert(choices.end(), count, SimChoice{0, 1, 0});
        return;
    }
    const std::size_t colon = word.find(':');
    const std::size_t equals = word.find('=');
    if (colon == word.npos || equals == word.npos || equals < colon) {
        fail("site:count=picked is expected", word);
    }
    const SimChoice choice{number<std::uint16_t>(word.substr(0, colon)),
                           number<std::uint32_t>(word.substr(colon + 1, equals - colon - 1)),
                           number<std::uint32_t>(word.substr(equals + 1))};
    if (choice.count == 0 || choice.picked >= choice.count) fail("picked is less than count", word);
    choices.push_back(choice);
}

void read_line(SimOptions& options, std::string_view line) {
    const std::string_view what = next_word(line);
    if (what == "seed") {
        options.seed = number<std::uint64_t>(next_word(line));
    } else if (what == "order") {
        options.order = static_cast<SimOrder>(value_of(orders, next_word(line)));
    } else if (what == "fail_on_reports") {
        options.fail_on_reports = true;
    } else if (what == "most_turns") {
        options.most_turns = number<std::uint64_t>(next_word(line));
    } else if (what == "reactor") {
        options.reactor = static_cast<SimReactor>(value_of(reactors, next_word(line)));
    } else if (what == "faults") {
        options.faults.emplace();
        for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
            const std::size_t equals = std::min(word.find('='), word.size() - 1);
            set_fault(*options.faults, word.substr(0, equals), word.substr(equals + 1));
        }
    } else if (what == "choices") {
        for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
            add_choice(options.replay, word);
        }
    }
}

}  // namespace

std::string to_text(const SimOptions& options) {
    std::string text = "seed " + std::to_string(options.seed) + "\n";
    text += std::string("order ") + orders[static_cast<unsigned>(options.order)].name + "\n";
    text += std::string("reactor ") + reactors[static_cast<unsigned>(options.reactor)].name + "\n";
    if (options.fail_on_reports) text += "fail_on_reports\n";
    if (options.most_turns != SimOptions{}.most_turns) {
        text += "most_turns " + std::to_string(options.most_turns) + "\n";
    }
    if (options.faults) text += "faults" + faults_text(*options.faults) + "\n";
    if (options.replay.empty()) return text;
    text += "choices";
    std::size_t harmless = 0;
    const auto flush = [&] {
        if (harmless > 0) text += " ." + std::to_string(harmless);
        harmless = 0;
    };
    for (const SimChoice& choice : options.replay) {
        if (choice.picked == 0) {
            ++harmless;
            continue;
        }
        flush();
        text += " " + std::to_string(choice.site) + ":" + std::to_string(choice.count) + "=" +
                std::to_string(choice.picked);
    }
    flush();
    return text + "\n";
}

SimOptions options_from_text(std::string_view text) {
    SimOptions options;
    bool has_seed = false;
    while (!text.empty()) {
        const std::size_t size = std::min(text.find('\n'), text.size());
        read_line(options, text.substr(0, size));
        has_seed = has_seed || text.starts_with("seed ");
        text.remove_prefix(std::min(size + 1, text.size()));
    }
    if (!has_seed) throw std::invalid_argument("coir: a simulation's text: no line 'seed N' is in it");
    return options;
}

}  // namespace testing
}  // namespace v0
}  // namespace coir
