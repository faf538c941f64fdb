// SPDX-License-Identifier: BSL-1.0
// The table of reactors, and the choice among them.
//
// Order of choice: the program's own spec > COIR_REACTOR > what `coir pick --write` recorded > rank.
#include "registry.hpp"

#include "adapter.hpp"
#include "checked.hpp"
#include "epoll.hpp"
#include "io_uring.hpp"
#include "poll.hpp"
#include "sim.hpp"
#include "sim/world_reactor.hpp"

#include <coir/detail/futex_lock.hpp>
#include <coir/detail/pick_file.hpp>
#include <coir/log.hpp>
#include <coir/reactors.hpp>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constinit FutexLock table_mutex;

constinit MadeOnce<std::vector<ReactorFactory>> the_table;

std::vector<ReactorFactory>& table() {
    return the_table.get([]() -> std::vector<ReactorFactory> {
        return {epoll_factory(), io_uring_factory(), poll_factory(), sim_factory()};
    });
}

std::vector<ReactorFactory> rows_by_rank() {
    std::lock_guard lock(table_mutex);
    std::vector<ReactorFactory> rows = table();
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.rank > b.rank; });
    return rows;
}

std::string known_names() {
    std::string names = "auto";
    for (const ReactorFactory& row : rows_by_rank()) names += ", " + row.name;
    return names;
}

struct Named {
    ReactorFactory factory;
    std::string parameters;
};

Named find_named(std::string_view item) {
    const std::size_t colon = item.find(':');
    const std::string name(item.substr(0, colon));
    for (ReactorFactory& row : rows_by_rank()) {
        if (row.name != name) continue;
        return {std::move(row), colon == std::string_view::npos
                                    ? std::string()
                                    : std::string(item.substr(colon + 1))};
    }
    throw std::invalid_argument("coir: unknown reactor '" + name + "'; allowed: " + known_names() +
                                ", or a list of these");
}

std::vector<std::string_view> split_list(std::string_view spec) {
    std::vector<std::string_view> items;
    for (;;) {
        const std::size_t comma = spec.find(',');
        items.push_back(spec.substr(0, comma));
        if (items.back().empty()) {
            throw std::invalid_argument("coir: an empty name in the reactor list; allowed: " +
                                        known_names());
        }
        if (comma == std::string_view::npos) return items;
        spec.remove_prefix(comma + 1);
    }
}

struct Pick {
    Named named;
    std::string why;
    bool second_best = false;  // something that comes before it was passed over
};

// Whether a candidate can be had: its probe, and for a loop whether it could be made.
using Trial = std::function<Verdict(const Named&)>;

Verdict probe(const Named& named) { return named.factory.probe(); }

// What was passed over on the way to a choice.
class Refusals {
public:
    void add(const Named& named, const Verdict& verdict) {
        text_ += (text_.empty() ? "" : "; ") + named.factory.name + ": " + verdict.reason;
        if (!verdict.advice.empty()) text_ += " (" + verdict.advice + ")";
    }
    bool any() const noexcept { return !text_.empty(); }
    const std::string& text() const noexcept { return text_; }
    std::string in_brackets() const { return any() ? " (passed over: " + text_ + ")" : ""; }

private:
    std::string text_;
};

// The first usable reactor of a list that somebody wrote down: no silent replacement.
Pick pick_from_list(std::string_view spec, const std::string& asked_by, const Trial& attempt) {
    Refusals refusals;
    std::vector<Named> all;
    for (std::string_view item : split_list(spec)) all.push_back(find_named(item));
    for (Named& named : all) {
        const Verdict verdict = attempt(named);
        if (verdict.usable) {
            std::string why = named.factory.name + ": " + asked_by + refusals.in_brackets();
            return {std::move(named), std::move(why), refusals.any()};
        }
        refusals.add(named, verdict);
    }
    throw std::runtime_error("coir: no usable reactor in '" + std::string(spec) + "', " + asked_by +
                             ": " + refusals.text());
}

Pick pick_by_rank(const std::string& note, const Trial& attempt) {
    Refusals refusals;
    for (ReactorFactory& row : rows_by_rank()) {
        if (row.rank < 0) continue;
        Named named{std::move(row), {}};
        const Verdict verdict = attempt(named);
        if (verdict.usable) {
            std::string why = named.factory.name + ": first usable by default";
            if (!note.empty()) why += " (" + note + ")";
            why += refusals.in_brackets();
            return {std::move(named), std::move(why), refusals.any() || !note.empty()};
        }
        refusals.add(named, verdict);
    }
    throw std::runtime_error("coir: no reactor is usable here: " + refusals.text());
}

std::string without_prefix(std::string text) {
    constexpr std::string_view prefix = "coir: ";
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

Pick pick(std::string_view spec, const Trial& attempt) {
    if (spec.empty()) {
        throw std::invalid_argument("coir: the reactor's name is empty; allowed: " + known_names());
    }
    if (spec != "auto") return pick_from_list(spec, "asked for by the program", attempt);
    const char* variable = std::getenv("COIR_REACTOR");
    if (variable && *variable && std::string_view(variable) != "auto") {
        return pick_from_list(variable, "asked for by COIR_REACTOR", attempt);
    }
    std::string note;
    if (const auto recorded = read_pick_file(&note)) {
        // A recorded choice is advice: it must not keep a program from running.
        try {
            Pick picked =
                pick_from_list(recorded->reactor, "recorded in " + recorded->path, attempt);
            if (note.empty()) return picked;
            picked.why += " (" + note + ")";
            picked.second_best = true;
            return picked;
        } catch (const std::exception& error) {
            if (!note.empty()) note += "; ";
            note += recorded->path + " cannot be followed: " + without_prefix(error.what());
        }
    }
    return pick_by_rank(note, attempt);
}

bool checking_wanted() {
#ifndef NDEBUG
    return true;
#else
    const char* debug = std::getenv("COIR_DEBUG");
    if (!debug) return false;
    std::string words = "," + std::string(debug) + ",";
    std::erase(words, ' ');
    return words.find(",reactor,") != std::string::npos;
#endif
}

bool is_name(const std::string& name) {
    return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                   "0123456789_-+") == std::string::npos;
}

}  // namespace

ReactorChoice choose_reactor(std::string_view spec) {
    if (sim::World* world = sim::current_world()) {
        auto simulated = sim::make_world_reactor(world->shared_from_this());
        if (checking_wanted()) simulated = check_contract(std::move(simulated));
        return {std::move(simulated), "sim: inside coir::testing::simulate"};
    }
    std::unique_ptr<Reactor> reactor;
    std::exception_ptr failure;
    const auto attempt = [&](const Named& named) {
        Verdict verdict = probe(named);
        if (!verdict.usable) return verdict;
        ReactorOptions options;
        options.sys = &real_sys();
        options.parameters = named.parameters;
        try {
            reactor = named.factory.create(options);
        } catch (const std::system_error& error) {
            // A limit that others have used up in the meantime, for one.
            failure = std::current_exception();
            return Verdict{false, without_prefix(error.what()), ""};
        }
        return verdict;
    };
    Pick picked;
    try {
        picked = pick(spec, attempt);
    } catch (const std::runtime_error&) {
        // The error itself says more than that nothing is left.
        if (failure) std::rethrow_exception(failure);
        throw;
    }
    if (!reactor->supports(OpCode::recv)) {
        Sys& sys = reactor->world() ? *reactor->world() : real_sys();
        reactor = adapt_poll_only(std::move(reactor), sys);
    }
    if (checking_wanted()) reactor = check_contract(std::move(reactor));
    if (picked.second_best) log_once(LogLevel::warning, "coir: reactor " + picked.why);
    log(LogLevel::debug, "coir: reactor " + picked.why);
    return {std::move(reactor), std::move(picked.why)};
}

}  // namespace detail

void register_reactor(ReactorFactory factory) {
    if (!detail::is_name(factory.name) || factory.name == "auto") {
        throw std::invalid_argument("coir: a reactor's name is letters, digits, '_', '-' and '+', "
                                    "got '" + factory.name + "'");
    }
    if (!factory.probe || !factory.create) {
        throw std::invalid_argument("coir: reactor '" + factory.name +
                                    "' needs a probe and a create function");
    }
    std::lock_guard lock(detail::table_mutex);
    for (const ReactorFactory& row : detail::table()) {
        if (row.name == factory.name) {
            throw std::invalid_argument("coir: a reactor named '" + factory.name +
                                        "' is registered already");
        }
    }
    detail::table().push_back(std::move(factory));
}

std::vector<ReactorInfo> list_reactors() {
    std::vector<ReactorInfo> infos;
    for (const ReactorFactory& row : detail::rows_by_rank()) {
        Verdict verdict = row.probe();
        infos.push_back({row.name, row.rank, verdict.usable, std::move(verdict.reason),
                         std::move(verdict.advice)});
    }
    return infos;
}

std::string pick_reactor(std::string_view spec, std::string* why) {
    detail::Pick picked = detail::pick(spec, detail::probe);
    if (why) *why = picked.why;
    return picked.named.factory.name;
}

}  // namespace v0
}  // namespace coir
