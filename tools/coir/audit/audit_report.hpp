// SPDX-License-Identifier: BSL-1.0
// An audit as people and as programs read it.
#pragma once

#include <string>
#include <vector>

#include "audit.hpp"

namespace coir_tool {

/// A file that could not be audited, and why.
struct Unreadable {
    std::string path;
    std::string error;
};

struct AuditReport {
    std::vector<Audit> audits;
    std::vector<Unreadable> unreadable;
    bool strict = false;
    int status = 0;
};

std::string format_audit(const Audit& audit, bool colours);
/// "FILE: verdict", and how many of each when there are several.
std::string format_verdicts(const AuditReport& report, bool colours);
/// One object, "schema": "coir.audit/1".
std::string format_audit_json(const AuditReport& report);

}  // namespace coir_tool
