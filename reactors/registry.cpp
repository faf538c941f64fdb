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

#include <coir/detail/pick_file.hpp>
#include <coir/log.hpp>
#include <coir/reactors.hpp>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

std::mutex table_mutex;

std::vector<ReactorFactory>& table() {
    static std::vector<ReactorFactory> rows = {epoll_factory(), io_uring_factory(), poll_factory(),
                                               sim_factory()};
    return rows;
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
};

// The first usable reactor of a list that somebody wrote down: no silent replacement.
Pick pick_from_list(std::string_view spec, const std::string& asked_by) {
    std::string refused;
    std::vector<Named> all;
    for (std::string_view item : split_list(spec)) all.push_back(find_named(item));
    for (Named& named : all) {
        Verdict verdict = named.factory.probe();
        if (verdict.usable) {
            std::string why = named.factory.name + ": " + asked_by;
            if (!refused.empty()) why += " (passed over: " + refused + ")";
            return {std::move(named), std::move(why)};
        }
        refused += (refused.empty() ? "" : "; ") + named.factory.name + ": " + verdict.reason;
        if (!verdict.advice.empty()) refused += " (" + verdict.advice + ")";
    }
    throw std::runtime_error("coir: no usable reactor in '" + std::string(spec) + "', " + asked_by +
                             ": " + refused);
}

Pick pick_by_rank(const std::string& note) {
    std::string refused;
    for (ReactorFactory& row : rows_by_rank()) {
        if (row.rank < 0) continue;
        Verdict verdict = row.probe();
        if (verdict.usable) {
            std::string why = row.name + ": first usable by default";
            if (!note.empty()) why += " (" + note + ")";
            if (!refused.empty()) why += " (passed over: " + refused + ")";
            return {{std::move(row), {}}, std::move(why)};
        }
        refused += (refused.empty() ? "" : "; ") + row.name + ": " + verdict.reason;
    }
    throw std::runtime_error("coir: no reactor is usable here: " + refused);
}

Pick pick(std::string_view spec) {
    if (spec.empty()) {
        throw std::invalid_argument("coir: the reactor's name is empty; allowed: " + known_names());
    }
    if (spec != "auto") return pick_from_list(spec, "asked for by the program");
    const char* variable = std::getenv("COIR_REACTOR");
    if (variable && *variable && std::string_view(variable) != "auto") {
        return pick_from_list(variable, "asked for by COIR_REACTOR");
    }
    std::string note;
    if (const auto recorded = read_pick_file(&note)) {
        // A recorded choice is advice: it must not keep a program from running.
        try {
            return pick_from_list(recorded->reactor, "recorded in " + recorded->path);
        } catch (const std::exception& error) {
            note = recorded->path + " could not be followed: " + error.what();
            log(LogLevel::warning, "coir: " + note);
        }
    }
    return pick_by_rank(note);
}

bool checking_wanted() {
#ifndef NDEBUG
    return true;
#else
    const char* debug = std::getenv("COIR_DEBUG");
    return debug && ("," + std::string(debug) + ",").find(",reactor,") != std::string::npos;
#endif
}

bool is_name(const std::string& name) {
    return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                   "0123456789_-+") == std::string::npos;
}

}  // namespace

ReactorChoice choose_reactor(std::string_view spec) {
    Pick picked = pick(spec);
    ReactorOptions options;
    options.sys = &real_sys();
    options.parameters = picked.named.parameters;
    std::unique_ptr<Reactor> reactor = picked.named.factory.create(options);
    if (!reactor->supports(OpCode::recv)) {
        Sys& sys = reactor->world() ? *reactor->world() : real_sys();
        reactor = adapt_poll_only(std::move(reactor), sys);
    }
    if (checking_wanted()) reactor = check_contract(std::move(reactor));
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
    detail::Pick picked = detail::pick(spec);
    if (why) *why = picked.why;
    return picked.named.factory.name;
}

}  // namespace v0
}  // namespace coir
