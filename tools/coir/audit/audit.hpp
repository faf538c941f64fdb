// SPDX-License-Identifier: BSL-1.0
// What libcoir-legacy can do for a program or a library: which of the functions that it calls are
// replaced, which are not and what to do about them, and what else goes past it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "blocking_calls.hpp"
#include "elf_file.hpp"

namespace coir_tool {

/// A group of functions that are not replaced, or a risk.
struct Risk {
    std::string name;  ///< of the group or of the risk; --allow takes it
    Level level = Level::note;
    std::string text;                  ///< why, and what to do
    std::vector<std::string> symbols;  ///< sorted; of a risk: where it is, as far as it is known
    std::uint64_t count = 0;           ///< of a risk that can be counted
};

enum class Verdict : unsigned char { works, works_with_remedies, blocks };

struct AuditedCall {
    std::string symbol;
    std::string category;
};

struct Audit {
    std::string path;  ///< "-": a list of names
    std::string file;  ///< "x86-64 shared library"
    bool bind_now = false;
    bool relro = false;
    std::vector<AuditedCall> covered;  ///< sorted by category and name
    std::vector<AuditedCall> pooled;
    std::vector<Risk> uncovered;  ///< worst first
    std::vector<Risk> risks;
    std::size_t harmless = 0;          ///< other functions
    std::vector<std::string> allowed;  ///< left out as told
    std::string every_call;            ///< it blocks altogether, in these: "every call"; or empty

    Level worst() const;
    Verdict verdict() const;
    /// Whether there is anything at all, notes included.
    bool spotless() const { return uncovered.empty() && risks.empty(); }
    /// Functions that block.
    std::size_t blocking_calls() const;
    /// "works", "works with remedies", "blocks the thread in 3 calls".
    std::string verdict_words() const;
};

/// Names that are not to be reported: of functions, groups or risks.
using Allowed = std::set<std::string, std::less<>>;
/// Whether a name is one that can be reported at all.
bool can_be_reported(std::string_view name);
std::vector<std::string> names_that_can_be_reported();

/// Throws BadFile.
Audit audit_file(const std::string& path, const Allowed& allowed);

struct ImportedName {
    std::string name;
    std::string version;
};
Audit audit_names(const std::vector<ImportedName>& names, const Allowed& allowed);

/// Whether the dynamic linker leaves out LD_PRELOAD for it (unless its owner runs it).
bool is_privileged(const FileBytes& file);

}  // namespace coir_tool
