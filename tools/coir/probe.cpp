// SPDX-License-Identifier: BSL-1.0
#include "probe.hpp"

#include "child.hpp"
#include "command.hpp"
#include "text.hpp"

#include <coir/await.hpp>
#include <coir/event_loop.hpp>
#include <coir/reactors.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <sstream>
#include <utility>

namespace coir_tool {
namespace {

using namespace std::chrono_literals;

constexpr auto probe_time = 5s;
constexpr char separator = '\x1f';  // between the fields of a message; no field contains it

std::vector<std::string> fields_of(const std::string& record) {
    std::vector<std::string> fields;
    std::string field;
    for (std::istringstream in(record); std::getline(in, field, separator);)
        fields.push_back(field);
    return fields;
}

// Names and verdicts by the library itself. Empty when a probe took the child with it.
std::vector<ProbedReactor> probe_all(InterruptWatch& interrupt) {
    std::string message;
    try {
        message = in_child(interrupt, probe_time, [](Sender& sender) {
            std::string rows;
            for (const coir::ReactorInfo& info : coir::list_reactors()) {
                rows += info.name + separator + std::to_string(info.rank) + separator +
                        (info.usable ? "1" : "0") + separator + info.reason + separator +
                        info.advice + separator + "\n";
            }
            sender.send(rows);
        });
    } catch (const ChildFailure&) {
        return {};
    }
    std::vector<ProbedReactor> reactors;
    std::string row;
    for (std::istringstream rows(message); std::getline(rows, row);) {
        const std::vector<std::string> fields = fields_of(row);
        if (fields.size() < 5) continue;
        reactors.push_back(
            {fields[0], std::stoi(fields[1]), fields[2] == "1", fields[3], fields[4]});
    }
    return reactors;
}

// One by one, when probing all was deadly. These names the library has always had.
std::vector<ProbedReactor> probe_each(InterruptWatch& interrupt) {
    std::vector<ProbedReactor> reactors;
    int rank = 3;
    for (const char* name : {"epoll", "io_uring", "poll"}) {
        ProbedReactor reactor{name, rank--, false, {}, {}};
        try {
            in_child(interrupt, probe_time,
                     [name](Sender& sender) { sender.send(coir::pick_reactor(name)); });
            reactor.usable = true;
        } catch (const ChildFailure& failure) {
            reactor.reason = describe_failure(failure);
            reactor.advice = advice_for(failure);
        }
        reactors.push_back(std::move(reactor));
    }
    return reactors;
}

// A probe may succeed where a loop does not: make one, and let it sleep and wake.
void try_loop(InterruptWatch& interrupt, ProbedReactor& reactor) {
    try {
        in_child(interrupt, probe_time, [&](Sender& sender) {
            coir::RunOptions options;
            options.reactor = reactor.name;
            coir::EventLoop loop(options);
            loop.run_until_complete([] { coir::sleep(1ms); });
            sender.send("");
        });
    } catch (const ChildFailure& failure) {
        reactor.usable = false;
        reactor.reason = "probed well, but a loop on it failed: " + describe_failure(failure);
        reactor.advice = advice_for(failure);
    }
}

[[noreturn]] void fail_unknown(const std::vector<ProbedReactor>& probed, const std::string& name) {
    std::vector<std::string> names;
    for (const ProbedReactor& reactor : probed) names.push_back(reactor.name);
    throw UsageError("unknown reactor " + in_quotes(name) + "; allowed: all, or a list of " +
                     listed(names) + did_you_mean(name, names));
}

}  // namespace

std::string describe_failure(const ChildFailure& failure) {
    std::string reason = failure.what();
    if (failure.signo() == SIGSYS) reason += ": a seccomp filter kills who asks for it";
    return reason;
}

std::string advice_for(const ChildFailure& failure) {
    if (failure.signo() != SIGSYS) return {};
    return "let the filter answer its system calls with ENOSYS or EPERM instead of killing, or "
           "allow them";
}

std::vector<ProbedReactor> probe_reactors(InterruptWatch& interrupt) {
    std::vector<ProbedReactor> reactors = probe_all(interrupt);
    if (reactors.empty()) reactors = probe_each(interrupt);
    for (ProbedReactor& reactor : reactors) {
        if (reactor.usable) try_loop(interrupt, reactor);
    }
    return reactors;
}

AutomaticChoice probe_automatic_choice(InterruptWatch& interrupt) {
    try {
        const std::string message = in_child(interrupt, probe_time, [](Sender& sender) {
            std::string why;
            const std::string name = coir::pick_reactor("auto", &why);
            sender.send(name + separator + why + separator);
        });
        const std::vector<std::string> fields = fields_of(message);
        const std::string prefix = fields.at(0) + ": ";
        std::string why = fields.size() > 1 ? fields[1] : std::string();
        if (why.starts_with(prefix)) why.erase(0, prefix.size());
        return {fields.at(0), why};
    } catch (const ChildFailure& failure) {
        return {{}, describe_failure(failure)};
    }
}

Probed probe_everything() {
    try {
        InterruptWatch interrupt;
        std::vector<ProbedReactor> reactors = probe_reactors(interrupt);
        return {std::move(reactors), probe_automatic_choice(interrupt)};
    } catch (const InterruptedBySignal& signal) {
        throw CommandError(128 + signal.signo, "interrupted");
    }
}

std::vector<ProbedReactor> select_reactors(const std::vector<ProbedReactor>& probed,
                                           const std::string& list) {
    std::vector<ProbedReactor> selected;
    if (list == "all") {
        std::copy_if(probed.begin(), probed.end(), std::back_inserter(selected),
                     [](const auto& reactor) { return reactor.usable && reactor.automatic(); });
        if (selected.empty()) {
            throw CommandError(exit_unavailable, "no reactor is usable here; see 'coir reactors'");
        }
        return selected;
    }
    for (const std::string& name : split_list("--reactor", list)) {
        const auto named = [&](const ProbedReactor& reactor) { return reactor.name == name; };
        const auto found = std::find_if(probed.begin(), probed.end(), named);
        if (found == probed.end()) fail_unknown(probed, name);
        if (std::any_of(selected.begin(), selected.end(), named)) {
            throw UsageError("--reactor names " + in_quotes(name) + " twice");
        }
        if (!found->automatic()) {
            // A simulator's clock is its own, and no program should get it unasked.
            throw UsageError(in_quotes(name) + " is for tests and cannot be measured or recommended");
        }
        if (!found->usable) {
            throw CommandError(exit_unavailable, name + " cannot be used here: " + found->reason +
                                                     (found->advice.empty() ? "" : "; ") +
                                                     found->advice);
        }
        selected.push_back(*found);
    }
    return selected;
}

}  // namespace coir_tool
