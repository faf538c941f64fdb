// SPDX-License-Identifier: BSL-1.0
// coir reactors: what works here, what does not and what to do about it, and what `auto` gives.
#include "command.hpp"
#include "machine_facts.hpp"
#include "output.hpp"
#include "probe.hpp"
#include "table.hpp"
#include "variable.hpp"

#include <coir/detail/pick_file.hpp>
#include <coir/run.hpp>
#include <coir/version.hpp>

#include <algorithm>
#include <cstdlib>

namespace coir_tool {
namespace {

std::string describe_sysctl(const MachineFacts& facts) {
    if (!facts.io_uring_disabled) return "this kernel has no such switch";
    switch (*facts.io_uring_disabled) {
        case 0:
            return "0: allowed to everybody";
        case 1:
            return "1: for members of kernel.io_uring_group and the privileged only";
        default:
            return std::to_string(*facts.io_uring_disabled) + ": denied to everybody";
    }
}

std::string format_reactor(const ProbedReactor& reactor, std::size_t width, bool colours) {
    constexpr std::size_t indent = 2;
    std::string name = reactor.name;
    name.append(width - name.size() + 2, ' ');
    const char* verdict = !reactor.usable       ? "unusable  "
                          : reactor.automatic() ? "usable    "
                                                : "by name   ";
    const Colour colour =
        reactor.usable ? (reactor.automatic() ? Colour::green : Colour::dim) : Colour::red;
    const std::size_t column = indent + width + 2 + 10;
    std::string text = std::string(indent, ' ') + coloured(name, Colour::bold, colours) +
                       coloured(verdict, colour, colours);
    // Words joined by '|' would never be broken otherwise.
    std::string reason = reactor.reason;
    std::replace(reason.begin(), reason.end(), '|', ' ');
    text += wrapped(reason, column) + "\n";
    if (!reactor.advice.empty()) {
        text += std::string(column, ' ') + wrapped("what to do: " + reactor.advice, column) + "\n";
    }
    return text;
}

std::string format_facts(const MachineFacts& facts, bool colours) {
    std::string text;
    const auto line = [&](const std::string& name, const std::string& value) {
        std::string shown = name;
        shown.append(20 - name.size(), ' ');
        text += "  " + coloured(shown, Colour::dim, colours) + value + "\n";
    };
    line("kernel", facts.kernel);
    line("processor", facts.processor + ", " + std::to_string(facts.processors) +
                          (facts.processors == 1 ? " CPU" : " CPUs"));
    line("open files", facts.open_files.soft + " (hard limit " + facts.open_files.hard + ")");
    line("locked memory", format_byte_limit(facts.locked_memory.soft) + " (hard limit " +
                              format_byte_limit(facts.locked_memory.hard) + ")");
    line("io_uring_disabled", describe_sysctl(facts));
    return text;
}

std::string format_text(const std::vector<ProbedReactor>& reactors, const AutomaticChoice& choice,
                        const MachineFacts& facts) {
    const bool colours = stdout_has_colour();
    std::size_t width = 0;
    for (const ProbedReactor& reactor : reactors) width = std::max(width, reactor.name.size());
    std::string text = coloured("reactors", Colour::bold, colours) + "\n";
    for (const ProbedReactor& reactor : reactors) text += format_reactor(reactor, width, colours);
    text += "\n" + coloured("auto", Colour::bold, colours) + "\n  ";
    if (choice.reactor.empty()) {
        text += coloured("nothing", Colour::red, colours) + ": " + wrapped(choice.why, 11) + "\n";
    } else {
        text += coloured(choice.reactor, Colour::bold, colours) + ": " +
                wrapped(choice.why, choice.reactor.size() + 4) + "\n";
    }
    text += "\n" + coloured("machine", Colour::bold, colours) + "\n" + format_facts(facts, colours);
    return text;
}

std::string format_json(const std::vector<ProbedReactor>& reactors, const AutomaticChoice& choice,
                        const MachineFacts& facts) {
    coir_bench::Json json;
    json.open('{').field("schema", "coir.reactors/1").field("coir", std::string(coir::version()));
    add_machine(json, facts);
    json.key("auto").open('{');
    if (choice.reactor.empty()) {
        json.field("error", choice.why);
    } else {
        json.field("reactor", choice.reactor).field("why", choice.why);
    }
    if (const char* asked = variable("COIR_REACTOR")) json.field("COIR_REACTOR", asked);
    json.key("recorded_in").open('[');
    for (const std::string& path : coir::detail::pick_file_paths()) json.value(path);
    json.close(']').close('}');
    json.key("reactors").open('[');
    for (const ProbedReactor& reactor : reactors) {
        json.open('{').field("name", reactor.name).field("rank", reactor.rank);
        json.field("usable", reactor.usable).field("automatic", reactor.automatic());
        json.field(reactor.usable ? "details" : "reason", reactor.reason);
        if (!reactor.advice.empty()) json.field("advice", reactor.advice);
        json.close('}');
    }
    json.close(']').close('}');
    return json.text() + "\n";
}

}  // namespace

int reactors_command(const ReactorsOptions& options) {
    const auto [reactors, choice] = probe_everything();
    const MachineFacts facts = read_machine_facts();
    write_stdout(options.json ? format_json(reactors, choice, facts)
                              : format_text(reactors, choice, facts));
    return choice.reactor.empty() ? exit_unavailable : exit_ok;
}

}  // namespace coir_tool
