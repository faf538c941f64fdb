// SPDX-License-Identifier: BSL-1.0
#include "audit_report.hpp"

#include <array>
#include <coir/version.hpp>
#include <optional>

#include "legacy_table.hpp"
#include "support/json.hpp"
#include "table.hpp"
#include "text.hpp"

namespace coir_tool {
namespace {

constexpr std::size_t column = 13;  // where the text begins
constexpr std::size_t most_symbols = 12;

Colour colour_of(Level level) {
    return level == Level::blocks   ? Colour::red
           : level == Level::remedy ? Colour::yellow
                                    : Colour::plain;
}

Colour colour_of(Verdict verdict) {
    return verdict == Verdict::blocks  ? Colour::red
           : verdict == Verdict::works ? Colour::green
                                       : Colour::yellow;
}

const char* verdict_name(Verdict verdict) {
    switch (verdict) {
        case Verdict::works:
            return "works";
        case Verdict::works_with_remedies:
            return "works with remedies";
        case Verdict::blocks:
            break;
    }
    return "blocks the thread";
}

std::string line(const std::string& label, Colour colour, const std::string& text, bool colours) {
    std::string shown = "  " + label;
    shown.append(column - shown.size(), ' ');
    return coloured(shown, colour, colours) + wrapped(text, column) + "\n";
}

// "io: poll read; sleep: usleep"
std::string by_category(const std::vector<AuditedCall>& calls) {
    std::string text;
    std::string category;
    for (const AuditedCall& call : calls) {
        if (call.category != category) {
            category = call.category;
            text += (text.empty() ? "" : "; ") + category + ":";
        }
        text += " " + call.symbol;
    }
    return text;
}

std::string describe_file(const Audit& audit) {
    std::string text = audit.file;
    if (audit.relro) text += audit.bind_now ? ", full RELRO" : ", RELRO";
    if (audit.bind_now && !audit.relro) text += ", bound at its start";
    return text;
}

// What a finding is about, in one line: names, a few of many; or a number of places.
std::string subject_of(const Risk& finding) {
    std::string names;
    for (std::size_t i = 0; i < finding.symbols.size() && i < most_symbols; ++i) {
        names += (i == 0 ? "" : " ") + finding.symbols[i];
    }
    if (finding.symbols.size() > most_symbols) {
        names += " and " + std::to_string(finding.symbols.size() - most_symbols) + " more";
    }
    if (finding.count == 0) return names;
    const std::string count = format_whole(static_cast<double>(finding.count));
    return names.empty() ? count : count + ", in " + names;
}

std::string format_finding(const Risk& finding, bool colours) {
    const std::string subject = subject_of(finding);
    return line(level_name(finding.level), colour_of(finding.level),
                finding.name + (subject.empty() ? "" : ": " + subject), colours) +
           std::string(column, ' ') + wrapped(finding.text, column) + "\n";
}

void add_calls(coir_bench::Json& json, const char* key, const std::vector<AuditedCall>& calls) {
    json.key(key).open('[');
    for (const AuditedCall& call : calls) {
        json.open('{').field("symbol", call.symbol).field("category", call.category).close('}');
    }
    json.close(']');
}

void add_texts(coir_bench::Json& json, const char* key, const std::vector<std::string>& texts) {
    json.key(key).open('[');
    for (const std::string& text : texts) json.value(text);
    json.close(']');
}

void add_audit(coir_bench::Json& json, const Audit& audit) {
    json.open('{').field("file", audit.path).field("kind", audit.file);
    json.field("verdict", verdict_name(audit.verdict())).field("summary", audit.verdict_words());
    json.field("blocking_calls", std::uint64_t{audit.blocking_calls()});
    json.field("bind_now", audit.bind_now).field("relro", audit.relro);
    add_calls(json, "covered", audit.covered);
    add_calls(json, "pooled", audit.pooled);
    json.key("uncovered").open('[');
    for (const Risk& finding : audit.uncovered) {
        for (const std::string& symbol : finding.symbols) {
            json.open('{').field("symbol", symbol).field("group", finding.name);
            json.field("level", level_name(finding.level)).field("remedy", finding.text).close('}');
        }
    }
    json.close(']').key("risks").open('[');
    for (const Risk& finding : audit.risks) {
        json.open('{').field("risk", finding.name).field("level", level_name(finding.level));
        json.field("text", finding.text);
        if (finding.count != 0) json.field("count", finding.count);
        add_texts(json, "where", finding.symbols);
        json.close('}');
    }
    json.close(']').field("harmless", std::uint64_t{audit.harmless});
    add_texts(json, "allowed", audit.allowed);
    json.close('}');
}

}  // namespace

std::string format_audit(const Audit& audit, bool colours) {
    const std::string name = audit.path == "-" ? "standard input" : audit.path;
    std::string text = coloured(name, Colour::bold, colours) + "\n";
    text += line("verdict", Colour::dim,
                 coloured(audit.verdict_words(), colour_of(audit.verdict()), colours), colours);
    text += line("file", Colour::dim, describe_file(audit), colours);
    if (!audit.covered.empty()) {
        text += line("covered", Colour::dim, by_category(audit.covered), colours);
    }
    if (!audit.pooled.empty()) {
        text += line("pooled", Colour::dim, by_category(audit.pooled), colours);
    }
    for (const Level level : {Level::blocks, Level::remedy, Level::note}) {
        for (const auto* list : {&audit.uncovered, &audit.risks}) {
            for (const Risk& finding : *list) {
                if (finding.level == level) text += format_finding(finding, colours);
            }
        }
    }
    if (!audit.allowed.empty()) {
        std::string names;
        for (const std::string& symbol : audit.allowed)
            names += (names.empty() ? "" : " ") + symbol;
        text += line("allowed", Colour::dim, names, colours);
    }
    text += line("harmless", Colour::dim,
                 std::to_string(audit.harmless) +
                     (audit.path == "-" ? " other names" : " other names that it imports"),
                 colours);
    if (audit.path == "-") {
        text +=
            line("note", Colour::plain,
                 "a list of names does not show risks, such as inline system calls: audit the file",
                 colours);
    }
    return text;
}

std::string format_verdicts(const AuditReport& report, bool colours) {
    std::string text;
    std::array<std::size_t, 3> counts{};
    for (const Audit& audit : report.audits) {
        ++counts[static_cast<std::size_t>(audit.verdict())];
        const std::string name = audit.path == "-" ? "standard input" : audit.path;
        text += name + ": " + coloured(audit.verdict_words(), colour_of(audit.verdict()), colours) +
                "\n";
    }
    if (report.audits.size() < 2) return text;
    return text + std::to_string(counts[0]) + " work, " + std::to_string(counts[1]) +
           " work with remedies, " + std::to_string(counts[2]) + " block\n";
}

std::string format_audit_json(const AuditReport& report) {
    coir_bench::Json json;
    json.open('{').field("schema", "coir.audit/1").field("coir", std::string(coir::version()));
    json.field("strict", report.strict).field("status", report.status);
    add_texts(json, "categories", covered_categories());
    json.key("files").open('[');
    for (const Audit& audit : report.audits) add_audit(json, audit);
    json.close(']').key("unreadable").open('[');
    for (const Unreadable& each : report.unreadable) {
        json.open('{').field("file", each.path).field("error", each.error).close('}');
    }
    json.close(']').close('}');
    return json.text() + "\n";
}

}  // namespace coir_tool
