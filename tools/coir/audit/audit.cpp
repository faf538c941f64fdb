// SPDX-License-Identifier: BSL-1.0
#include "audit.hpp"

#include <algorithm>
#include <map>

#include "audit_risks.hpp"
#include "legacy_table.hpp"

namespace coir_tool {
namespace {

// A list of names without versions is taken for what it looks like.
bool is_of_libc(std::string_view version) {
    return version.empty() || version.starts_with("GLIBC_") || version.starts_with("CXXABI_");
}

// A stream whose other end is not a file can only come from here. (popen() is replaced, and standard
// input has a group of its own.)
bool makes_streams(std::string_view symbol) { return symbol == "fdopen"; }

// std::cin is libstdc++'s, and reads from libc's.
bool is_standard_input(std::string_view symbol) {
    const CallGroup* group = find_group(symbol);
    return group && group->name == "stdin";
}

class Sorter {
public:
    Sorter(Audit& audit, const Allowed& allowed) : audit_(audit), allowed_(allowed) {}

    void add(std::string_view symbol, std::string_view version) {
        if (!is_of_libc(version) && !is_standard_input(symbol)) return;
        if (!seen_.emplace(symbol).second) return;
        if (const CoveredCall* call = find_covered(symbol)) {
            auto& list = call->pooled ? audit_.pooled : audit_.covered;
            list.push_back({std::string(symbol), std::string(call->category)});
            return;
        }
        if (makes_streams(symbol)) streams_ = true;
        if (const CallGroup* group = find_group(symbol)) {
            groups_[group].emplace(symbol);
        } else {
            ++audit_.harmless;
        }
    }

    void finish() {
        for (const CallGroup& group : call_groups()) {
            const auto found = groups_.find(&group);
            if (found != groups_.end()) add_group(group, found->second);
        }
        // What was allowed among the risks.
        std::erase_if(audit_.risks, [&](const Risk& risk) {
            if (!allowed_.contains(risk.name)) return false;
            audit_.allowed.push_back(risk.name);
            if (risk.level == Level::blocks) audit_.every_call.clear();
            return true;
        });
        const auto worst_first = [](const Risk& a, const Risk& b) {
            return a.level > b.level;
        };
        std::stable_sort(audit_.uncovered.begin(), audit_.uncovered.end(), worst_first);
        std::stable_sort(audit_.risks.begin(), audit_.risks.end(), worst_first);
        const auto by_category = [](const AuditedCall& a, const AuditedCall& b) {
            return a.category != b.category ? a.category < b.category : a.symbol < b.symbol;
        };
        std::sort(audit_.covered.begin(), audit_.covered.end(), by_category);
        std::sort(audit_.pooled.begin(), audit_.pooled.end(), by_category);
    }

private:
    void add_group(const CallGroup& group, const std::set<std::string>& symbols) {
        Risk finding{std::string(group.name), group.level, std::string(group.remedy), {}, 0};
        if (group.name == "stdio" && streams_) finding.level = Level::remedy;
        for (const std::string& symbol : symbols) {
            const bool leave_out = allowed_.contains(symbol) || allowed_.contains(group.name);
            (leave_out ? audit_.allowed : finding.symbols).push_back(symbol);
        }
        if (!finding.symbols.empty()) audit_.uncovered.push_back(std::move(finding));
    }

    Audit& audit_;
    const Allowed& allowed_;
    std::set<std::string, std::less<>> seen_;
    std::map<const CallGroup*, std::set<std::string>> groups_;
    bool streams_ = false;
};

}  // namespace

Level Audit::worst() const {
    Level level = Level::note;
    for (const auto* list : {&uncovered, &risks}) {
        for (const Risk& finding : *list) level = std::max(level, finding.level);
    }
    return level;
}

Verdict Audit::verdict() const {
    switch (worst()) {
        case Level::note:
            return Verdict::works;
        case Level::remedy:
            return Verdict::works_with_remedies;
        case Level::blocks:
            break;
    }
    return Verdict::blocks;
}

std::size_t Audit::blocking_calls() const {
    std::size_t calls = 0;
    for (const Risk& finding : uncovered) {
        if (finding.level == Level::blocks) calls += finding.symbols.size();
    }
    return calls;
}

std::string Audit::verdict_words() const {
    switch (verdict()) {
        case Verdict::works:
            return "works";
        case Verdict::works_with_remedies:
            return "works with remedies";
        case Verdict::blocks:
            break;
    }
    if (!every_call.empty()) return "blocks the thread in " + every_call;
    const std::size_t calls = blocking_calls();
    return "blocks the thread in " + std::to_string(calls) + (calls == 1 ? " call" : " calls");
}

std::vector<std::string> names_that_can_be_reported() {
    std::vector<std::string> names = risk_names();
    for (const CallGroup& group : call_groups()) {
        names.emplace_back(group.name);
        for (const std::string_view symbol : symbols_of(group)) names.emplace_back(symbol);
    }
    return names;
}

bool can_be_reported(std::string_view name) {
    // What is replaced today may be allowed, too: the same command line works with every version.
    if (find_covered(name) || find_group(name)) return true;
    const std::vector<std::string> names = names_that_can_be_reported();
    return std::find(names.begin(), names.end(), name) != names.end();
}

Audit audit_file(const std::string& path, const Allowed& allowed) {
    const FileBytes file(path);
    const ElfFile elf = read_elf(file);
    Audit audit;
    audit.path = path;
    audit.file = std::string(machine_name(elf.machine)) + " " + kind_name(elf.kind);
    audit.bind_now = elf.bind_now;
    audit.relro = elf.relro;
    Sorter sorter(audit, allowed);
    const bool makes_cin = is_standard_library(elf);
    for (const ElfSymbol& symbol : elf.symbols) {
        if (symbol.defined && !symbol.copied) continue;
        // Whoever uses its std::cin is the one to tell; what it makes of descriptors it reads itself.
        if (makes_cin && (is_standard_input(symbol.name) || makes_streams(symbol.name))) continue;
        sorter.add(symbol.name, symbol.version);
    }
    find_risks(file, elf, audit);
    sorter.finish();
    return audit;
}

Audit audit_names(const std::vector<ImportedName>& names, const Allowed& allowed) {
    Audit audit;
    audit.path = "-";
    audit.file = "list of names";
    Sorter sorter(audit, allowed);
    for (const ImportedName& name : names) sorter.add(name.name, name.version);
    sorter.finish();
    return audit;
}

}  // namespace coir_tool
