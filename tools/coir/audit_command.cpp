// SPDX-License-Identifier: BSL-1.0
// coir audit: what libcoir-legacy can do for programs and libraries, without running them.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "audit/audit.hpp"
#include "audit/audit_report.hpp"
#include "audit/library_search.hpp"
#include "audit/name_list.hpp"
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"

namespace coir_tool {
namespace {

std::string read_standard_input() {
    constexpr std::size_t most = 64 * 1024 * 1024;
    std::string text;
    char buffer[64 * 1024];
    for (;;) {
        const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            throw UsageError(std::string("standard input cannot be read: ") + std::strerror(errno));
        }
        if (got == 0) return text;
        text.append(buffer, static_cast<std::size_t>(got));
        if (text.size() > most) throw UsageError("standard input is too long for a list of names");
    }
}

// `nm -D library | coir audit`: who pipes something in wants it to be read.
bool standard_input_is_given() {
    struct stat status {};
    return ::fstat(STDIN_FILENO, &status) == 0 &&
           (S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode));
}

std::vector<std::string> files_of(const AuditOptions& options) {
    if (!options.files.empty()) return options.files;
    if (standard_input_is_given()) return {"-"};
    throw UsageError(
        "audit needs a file, or - for a list of names, as in: nm -D FILE | coir audit -");
}

Allowed allowed_of(const AuditOptions& options) {
    Allowed allowed;
    for (const std::string& text : options.allow) {
        for (const std::string& name : split_list("--allow", text)) {
            if (!can_be_reported(name)) {
                throw UsageError("--allow: " + in_quotes(name) +
                                 " is nothing that an audit reports" +
                                 did_you_mean(name, names_that_can_be_reported()));
            }
            allowed.insert(name);
        }
    }
    return allowed;
}

Audit audit_standard_input(const Allowed& allowed) {
    const std::vector<ImportedName> names = parse_names(read_standard_input());
    if (names.empty()) throw UsageError("there is no name on standard input, as nm -D prints them");
    return audit_names(names, allowed);
}

void add_dependencies(std::vector<std::string>& files, AuditReport& report) {
    std::vector<std::string> roots = files;
    std::erase(roots, "-");
    if (roots.empty()) throw UsageError("--deps needs a file: a list of names has no dependencies");
    // coir is where the calls end up, and not among those who make them.
    const auto skip = [](std::string_view name) { return name.starts_with("libcoir"); };
    const Dependencies dependencies = find_dependencies(roots, LibrarySearch(), skip);
    for (const Dependency& each : dependencies.found) files.push_back(each.path);
    for (const Dependency& each : dependencies.missing) {
        report.unreadable.push_back({each.path, "is not found; needed by " + each.needed_by});
    }
}

bool passes(const Audit& audit, bool strict) {
    return strict ? audit.spotless() : audit.verdict() == Verdict::works;
}

AuditReport audit_all(const AuditOptions& options) {
    AuditReport report;
    report.strict = options.strict;
    const Allowed allowed = allowed_of(options);
    std::vector<std::string> files = files_of(options);
    if (std::count(files.begin(), files.end(), "-") > 1) {
        throw UsageError("standard input can be read once only: give one -");
    }
    if (options.deps) add_dependencies(files, report);
    for (const std::string& path : files) {
        try {
            report.audits.push_back(path == "-" ? audit_standard_input(allowed)
                                                : audit_file(path, allowed));
        } catch (const BadFile& error) {
            report.unreadable.push_back({path, error.what()});
        }
    }
    const bool passed =
        std::all_of(report.audits.begin(), report.audits.end(),
                    [&](const Audit& each) { return passes(each, options.strict); });
    report.status = !report.unreadable.empty() ? exit_usage : passed ? exit_ok : exit_failure;
    return report;
}

std::string format_text(const AuditReport& report, bool quiet) {
    const bool colours = stdout_has_colour();
    std::string text;
    if (!quiet) {
        for (const Audit& audit : report.audits) text += format_audit(audit, colours) + "\n";
    }
    if (quiet || report.audits.size() > 1) {
        text += format_verdicts(report, colours);
    } else if (!text.empty()) {
        text.pop_back();
    }
    return text;
}

}  // namespace

int audit_command(const AuditOptions& options) {
    if (options.json && options.quiet) throw UsageError("--json has no --quiet: give one of them");
    const AuditReport report = audit_all(options);
    const std::string text =
        options.json ? format_audit_json(report) : format_text(report, options.quiet);
    if (!text.empty()) write_stdout(text);
    for (const Unreadable& each : report.unreadable) note(in_quotes(each.path) + " " + each.error);
    return report.status;
}

}  // namespace coir_tool
