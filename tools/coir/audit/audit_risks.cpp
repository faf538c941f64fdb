// SPDX-License-Identifier: BSL-1.0
#include "audit_risks.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>

#include "legacy_table.hpp"
#include "library_search.hpp"
#include "syscall_sites.hpp"

namespace coir_tool {
namespace {

bool is_libc(const ElfFile& elf) {
    return elf.kind == ElfKind::library && is_part_of_libc(elf.soname) &&
           !elf.soname.starts_with("libm");
}

void find_what_blocks_altogether(const ElfFile& elf, Audit& audit) {
    if (elf.go) {
        audit.risks.push_back({"go",
                               Level::blocks,
                               "a Go program: its runtime enters the kernel by itself, and has a "
                               "scheduler of its own; leave it as it is",
                               {},
                               0});
        audit.every_call = "every call";
    } else if (elf.kind == ElfKind::static_program && contains_legacy(elf)) {
        audit.risks.push_back({"static",
                               Level::note,
                               "linked statically, with coir-legacy-static: the linker has redirected its calls, "
                               "which cannot be seen any more. Those inside libc, in stdio above all, are as ever",
                               {},
                               0});
    } else if (elf.kind == ElfKind::static_program) {
        audit.risks.push_back(
            {"static",
             Level::blocks,
             "linked statically: there is no dynamic linker that could be told to "
             "load libcoir-legacy; link it with coir-legacy-static (pkg-config), or "
             "dynamically",
             {},
             0});
        audit.every_call = "every call";
    } else if (is_libc(elf)) {
        audit.risks.push_back(
            {"libc",
             Level::blocks,
             "libc itself: what calls its functions is what to look at. Within it, "
             "in stdio and the resolver above all, nothing is replaced",
             {},
             0});
        audit.every_call = "calls within itself";
    }
}

void find_syscall_instructions(const FileBytes& file, const ElfFile& elf, Audit& audit) {
    SyscallSites sites = find_syscalls(file, elf);
    if (sites.count == 0) return;
    std::string text =
        "instructions that enter the kernel without libc, where nothing is replaced: to_thread "
        "what "
        "leads to them, if it waits. Found by a heuristic, which may be wrong by a few";
    audit.risks.push_back(
        {"syscall-instruction", Level::remedy, text, std::move(sites.functions), sites.count});
}

void find_rings(const ElfFile& elf, Audit& audit) {
    std::set<std::string> symbols;
    for (const ElfSymbol& symbol : elf.symbols) {
        if (symbol.defined) continue;
        if (symbol.name.starts_with("io_uring_") || symbol.name == "io_getevents" ||
            symbol.name == "io_pgetevents") {
            symbols.emplace(symbol.name);
        }
    }
    if (symbols.empty()) return;
    audit.risks.push_back(
        {"io_uring",
         Level::remedy,
         "waits for a ring or a context of its own: to_thread, or a descriptor that "
         "it signals (io_uring_register_eventfd) and that is polled",
         {symbols.begin(), symbols.end()},
         0});
}

void find_replacements(const ElfFile& elf, Audit& audit) {
    std::set<std::string> symbols;
    for (const ElfSymbol& symbol : elf.symbols) {
        if (!symbol.defined || !symbol.function) continue;
        // Where the guards of static variables come from; everything is linked before it.
        if (is_standard_library(elf) && symbol.name.starts_with("__cxa_guard_")) continue;
        if (find_covered(symbol.name)) {
            symbols.emplace(symbol.name);
        }
    }
    if (symbols.empty() || elf.soname.starts_with("libcoir-legacy.")) return;
    audit.risks.push_back({"replaces-libc",
                           Level::remedy,
                           "defines functions of libc itself: the library that is loaded first is "
                           "called. libcoir-legacy must come before it",
                           {symbols.begin(), symbols.end()},
                           0});
}

void find_privilege(const FileBytes& file, Audit& audit) {
    if (!is_privileged(file)) return;
    audit.risks.push_back(
        {"setuid",
         Level::remedy,
         "has a set-user-ID or set-group-ID bit, or file capabilities: LD_PRELOAD is "
         "ignored for it. Link libcoir-legacy, or patch libraries in it",
         {},
         0});
}

void find_thread_locals(const ElfFile& elf, Audit& audit) {
    if (elf.tls_size == 0) return;
    audit.risks.push_back(
        {"thread-locals",
         Level::note,
         "bytes of variables of the thread, which its tasks share: what one leaves "
         "in them before it waits, another one may have changed after",
         {},
         elf.tls_size});
}

}  // namespace

bool contains_legacy(const ElfFile& elf) {
    return std::find(elf.sections.begin(), elf.sections.end(), ".coir_legacy") != elf.sections.end();
}

bool is_privileged(const FileBytes& file) {
    if ((file.status().st_mode & (S_ISUID | S_ISGID)) != 0) return true;
    return ::getxattr(file.path().c_str(), "security.capability", nullptr, 0) > 0;
}

const std::vector<std::string>& risk_names() {
    static const std::vector<std::string> names = {
        "go",       "static",        "libc",   "syscall-instruction",
        "io_uring", "replaces-libc", "setuid", "thread-locals"};
    return names;
}

void find_risks(const FileBytes& file, const ElfFile& elf, Audit& audit) {
    find_what_blocks_altogether(elf, audit);
    if (audit.every_call.empty() && elf.kind != ElfKind::static_program) {
        find_syscall_instructions(file, elf, audit);
        find_replacements(elf, audit);
    }
    find_rings(elf, audit);
    find_privilege(file, audit);
    find_thread_locals(elf, audit);
}

}  // namespace coir_tool
