// SPDX-License-Identifier: BSL-1.0
// coir audit: what becomes of the functions that a file imports, and which risks are seen.
#include <algorithm>
#include <set>

#include "audit/audit_risks.hpp"
#include "audit/legacy_table.hpp"
#include "audit/name_list.hpp"
#include "audit/syscall_sites.hpp"
#include "audit_support.hpp"

using namespace coir_tool;
using namespace elf_test;

namespace {

bool lists(const std::vector<AuditedCall>& calls, std::string_view symbol) {
    return std::any_of(calls.begin(), calls.end(),
                       [&](const AuditedCall& call) { return call.symbol == symbol; });
}

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) text += static_cast<char>(value);
    return text;
}

// mov eax, 1; syscall; ret, and int3 up to what follows
const std::string inline_syscall =
    bytes({0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc});

}  // namespace

TEST_CASE("audit: every function of the table is covered, and no other one", "[cli]") {
    std::vector<ImportedName> names;
    for (const CoveredCall& call : covered_calls()) names.push_back({std::string(call.symbol), ""});
    const Audit audit = audit_names(names, {});
    CHECK(audit.verdict() == Verdict::works);
    CHECK(audit.spotless());
    CHECK(audit.covered.size() + audit.pooled.size() == names.size());
    CHECK(lists(audit.covered, "poll"));
    CHECK(lists(audit.pooled, "getaddrinfo"));
    CHECK_FALSE(lists(audit.covered, "getaddrinfo"));
}

TEST_CASE("audit: what needs no replacing, because another function is replaced, is covered",
          "[cli]") {
    const Audit audit = audit_names({{"popen", ""}, {"pclose", ""}, {"fgets", ""}}, {});
    CHECK(audit.verdict() == Verdict::works);
    CHECK(lists(audit.covered, "pclose"));
}

TEST_CASE("audit: the list of what may block names each function once, with a remedy", "[cli]") {
    std::set<std::string_view> seen, names(risk_names().begin(), risk_names().end());
    for (const CallGroup& group : call_groups()) {
        INFO(group.name);
        CHECK(names.insert(group.name).second);  // --allow must know which one is meant
        CHECK(group.remedy.size() > 20);
        CHECK_FALSE(symbols_of(group).empty());
        for (const std::string_view symbol : symbols_of(group)) {
            INFO(symbol);
            CHECK(seen.insert(symbol).second);
            CHECK(find_group(symbol) == &group);
        }
    }
}

TEST_CASE("audit: what is not replaced has its level, and decides the verdict", "[cli]") {
    Audit audit = audit_names({{"malloc", ""}, {"poll", ""}}, {});
    CHECK(audit.verdict_words() == "works");
    CHECK(audit.harmless == 1);
    audit = audit_names({{"poll", ""}, {"fopen", ""}, {"fgets", ""}}, {});
    CHECK(audit.verdict_words() == "works");
    CHECK_FALSE(audit.spotless());
    audit = audit_names({{"alarm", ""}}, {});
    CHECK(audit.verdict_words() == "works with remedies");
    audit = audit_names({{"__poll", ""}, {"alarm", ""}, {"fopen", ""}}, {});
    CHECK(audit.verdict_words() == "blocks the thread in 1 call");
    REQUIRE(audit.uncovered.size() == 3);
    CHECK(audit.uncovered[0].name == "alias");  // the worst comes first
    audit = audit_names({{"__poll", ""}, {"__read", ""}, {"__read", ""}}, {});
    CHECK(audit.verdict_words() == "blocks the thread in 2 calls");
}

TEST_CASE("audit: reading with stdio needs a remedy where streams are made of descriptors",
          "[cli]") {
    CHECK(audit_names({{"fopen", ""}, {"fread", ""}}, {}).verdict() == Verdict::works);
    for (const char* maker : {"fdopen", "stdin"}) {
        INFO(maker);
        CHECK(audit_names({{maker, ""}, {"fread", ""}}, {}).verdict() ==
              Verdict::works_with_remedies);
    }
}

TEST_CASE("audit: standard input needs a remedy, in programs and libraries", "[cli]") {
    for (const char* name : {"stdin", "getchar", "__isoc99_scanf", "_ZSt3cin"}) {
        INFO(name);
        CHECK(audit_names({{name, ""}}, {}).verdict() == Verdict::works_with_remedies);
    }
    // Where the program has the only copy of the variable, the linker says that it is defined there.
    const Import in_c{"stdin", "GLIBC_2.2.5"}, in_cpp{"_ZSt3cin", "GLIBCXX_3.4"};
    for (const Import& variable : {in_c, in_cpp}) {
        INFO(variable.name);
        const Audit copied = audit_of({.interpreter = "/lib/ld.so", .copies = {variable}});
        REQUIRE(find(copied, "stdin"));
        CHECK(find(copied, "stdin")->symbols == std::vector<std::string>{variable.name});
        CHECK(copied.verdict() == Verdict::works_with_remedies);
        CHECK(audit_of({.imports = {variable}}).verdict() == Verdict::works_with_remedies);
    }
    // libstdc++ has std::cin; whoever uses it is told.
    CHECK_FALSE(find(audit_of({.imports = {in_c}, .soname = "libstdc++.so.6"}), "stdin"));
    // popen() is replaced, and so its streams wait as tasks do.
    CHECK(audit_names({{"popen", ""}, {"fgets", ""}}, {}).verdict() == Verdict::works);
}

TEST_CASE("audit: a static program with coir-legacy-static in it works", "[cli]") {
    const Audit wrapped = audit_of({.type = ET_EXEC, .section = ".coir_debug", .second_section = ".coir_legacy", .dynamic = false});
    CHECK(wrapped.verdict() == Verdict::works);
    REQUIRE(find(wrapped, "static"));
    CHECK(find(wrapped, "static")->level == Level::note);
    const Audit bare = audit_of({.type = ET_EXEC, .section = ".coir_debug", .dynamic = false});
    CHECK(bare.verdict() == Verdict::blocks);
    CHECK(find(bare, "static")->text.find("coir-legacy-static") != std::string::npos);
}

TEST_CASE("audit: functions, groups and risks can be allowed", "[cli]") {
    const std::vector<ImportedName> names = {{"__poll", ""}, {"__read", ""}, {"alarm", ""}};
    CHECK(audit_names(names, {"__poll"}).verdict_words() == "blocks the thread in 1 call");
    CHECK(audit_names(names, {"__poll", "__read"}).verdict_words() == "works with remedies");
    const Audit audit = audit_names(names, {"alias", "alarm"});
    CHECK(audit.verdict_words() == "works");
    CHECK(audit.allowed.size() == 3);
    CHECK(audit_of({.code = inline_syscall}, {"syscall-instruction"}).verdict() == Verdict::works);
    CHECK(audit_of({.type = ET_EXEC, .dynamic = false}, {"static"}).verdict_words() == "works");
    for (const char* known : {"poll", "fgets", "stdio", "static", "syscall-instruction"}) {
        CHECK(can_be_reported(known));
    }
    for (const char* unknown : {"", "malloc", "pol", "stdio "})
        CHECK_FALSE(can_be_reported(unknown));
}

TEST_CASE("audit: only what comes from libc counts", "[cli]") {
    const Audit audit = audit_of({.imports = {{"__poll", "GLIBC_2.2.5"},
                                              {"__read", "LIBOTHER_1"},
                                              {"poll", "GLIBC_2.2.5"},
                                              {"recv", "LIBOTHER_1"}}});
    CHECK(audit.file == "x86-64 shared library");
    CHECK(audit.blocking_calls() == 1);
    CHECK(lists(audit.covered, "poll"));
    CHECK_FALSE(lists(audit.covered, "recv"));
}

TEST_CASE("audit: programs and libraries of both processors", "[cli]") {
    CHECK(audit_of({.machine = EM_AARCH64}).file == "aarch64 shared library");
    CHECK(audit_of({.type = ET_EXEC, .interpreter = "/lib/ld.so"}).file == "x86-64 program");
    CHECK(audit_of({.interpreter = "/lib/ld.so"}).file == "x86-64 program");
    CHECK(audit_of({.soname = "libc.so.6", .interpreter = "/lib/ld.so"}).file ==
          "x86-64 shared library");
}

TEST_CASE("audit: what cannot be reached at all blocks in every call", "[cli]") {
    const char* every = "blocks the thread in every call";
    CHECK(audit_of({.type = ET_EXEC, .dynamic = false}).verdict_words() == every);
    CHECK(audit_of({.flags_1 = DF_1_PIE}).verdict_words() == every);  // static-pie
    const Content go{.interpreter = "/lib/ld.so", .section = ".go.buildinfo"};
    CHECK(audit_of(go).verdict_words() == every);
    const Content noted{
        .interpreter = "/lib/ld.so",
        .note = bytes({4, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 'G', 'o', 0, 0, 1, 2, 3, 4})};
    REQUIRE(find(audit_of(noted), "go"));
    CHECK(audit_of({.soname = "libc.so.6"}).verdict() == Verdict::blocks);
}

TEST_CASE("audit: inline system calls are found, with the function that they are in", "[cli]") {
    const Audit audit = audit_of({.exports = {"raw_write", "alias"}, .code = inline_syscall});
    const Risk* finding = find(audit, "syscall-instruction");
    REQUIRE(finding);
    CHECK(finding->count == 1);
    CHECK(finding->symbols == std::vector<std::string>{"raw_write"});
    CHECK(audit.verdict() == Verdict::works_with_remedies);

    const std::string svc = bytes({1, 0, 0, 0xd4}), nop = bytes({0x1f, 0x20, 0x03, 0xd5});
    CHECK(find_syscalls_in(nop + svc + nop + svc, EM_AARCH64).size() == 2);
    CHECK(find_syscalls_in(bytes({0x1f, 0x20}) + svc + bytes({3, 5}), EM_AARCH64).empty());
    CHECK(find_syscalls_in(svc.substr(0, 3), EM_AARCH64).empty());
}

TEST_CASE("audit: numbers that look like an inline system call are not taken for one", "[cli]") {
    const std::string load = bytes({0xb8, 1, 0, 0, 0});
    // call and jmp by 00050Fxx, lea rdx, [rip + 00050Fxx], and jmp by 000D050F
    for (const std::string& code :
         {bytes({0xe8, 0x94, 0x0f, 0x05, 0x00, 0x48}),
          bytes({0x48, 0x8d, 0x15, 0x1d, 0x0f, 0x05, 0x00}),
          bytes({0xe9, 0x0f, 0x05, 0x0d, 0x00, 0x48}), bytes({0xe9, 0x0f, 0x05, 0xe9, 0xff, 0x48}),
          // and ebx, 15; add eax, 0x76c
          bytes({0x83, 0xe3, 0x0f, 0x05, 0x6c, 0x07, 0x00, 0x00}),
          // lea ecx, [rdi + rcx + ...]; mov byte [rsp + 15], 5; mov rsi, an address
          bytes({0x41, 0x8d, 0x8c, 0x0f, 0x05, 0xe9, 0xe3, 0xa9}),
          bytes({0xc6, 0x44, 0x24, 0x0f, 0x05, 0x48, 0xc1, 0xf8, 0x03}),
          bytes({0x48, 0xbe, 0x15, 0x19, 0x0f, 0x05, 0x5d, 0x12, 0x00, 0x00}),
          // mov rcx, the bytes of a signal's return, as libgcc's unwinder does
          bytes({0x48, 0xb9, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05, 0x48, 0x39, 0x4a, 0x01})}) {
        CHECK(find_syscalls_in(load + code, EM_X86_64).empty());
    }
    // What compilers and libc make: mov eax, n; mov rax, n; xor; mov eax, edi; and cmp rax, -4095.
    for (const std::string& code : {load, bytes({0x48, 0xc7, 0xc0, 0xe7, 0, 0, 0}),
                                    bytes({0x31, 0xc0}), bytes({0x89, 0xf8})}) {
        CHECK(find_syscalls_in(code + bytes({0x0f, 0x05, 0xc3}), EM_X86_64).size() == 1);
    }
    CHECK(find_syscalls_in(bytes({0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff}), EM_X86_64)
              .size() == 1);
    CHECK(find_syscalls_in(bytes({0x0f, 0x05}), EM_X86_64).empty());
    CHECK(find_syscalls_in("", EM_X86_64).empty());
}

TEST_CASE("audit: libc's own code has as many inline system calls as a disassembler finds",
          "[cli]") {
    const std::string libc = "/lib/x86_64-linux-gnu/libc.so.6";
    if (::access(libc.c_str(), R_OK) != 0) COIR_SKIP("no libc for x86-64 there");
    std::FILE* listing = ::popen(
        ("objdump -d --no-show-raw-insn " + libc + " 2>/dev/null | grep -c '[[:space:]]syscall'")
            .c_str(),
        "r");
    REQUIRE(listing);
    unsigned long listed = 0;
    const bool got = std::fscanf(listing, "%lu", &listed) == 1;
    ::pclose(listing);
    if (!got || listed == 0) COIR_SKIP("no objdump");
    const FileBytes file(libc);
    const std::size_t found = find_syscalls(file, read_elf(file)).count;
    CHECK(found >= listed * 95 / 100);
    CHECK(found <= listed * 105 / 100);
}

TEST_CASE("audit: other risks", "[cli]") {
    const Audit tls = audit_of({.tls = 1040});
    REQUIRE(find(tls, "thread-locals"));
    CHECK(find(tls, "thread-locals")->count == 1040);
    CHECK(tls.verdict() == Verdict::works);
    CHECK(audit_of({.flags_1 = DF_1_NOW}).bind_now);
    const Audit ring = audit_of({.imports = {{"io_uring_queue_init", "LIBURING_2.0"}}});
    CHECK(find(ring, "io_uring"));
    const Audit replaces = audit_of({.exports = {"read", "own"}});
    REQUIRE(find(replaces, "replaces-libc"));
    CHECK(find(replaces, "replaces-libc")->symbols == std::vector<std::string>{"read"});
    CHECK_FALSE(find(audit_of({.exports = {"own"}}), "replaces-libc"));
    // Where those of static variables come from.
    CHECK_FALSE(find(audit_of({.exports = {"__cxa_guard_acquire"}, .soname = "libstdc++.so.6"}), "replaces-libc"));
    CHECK(find(audit_of({.exports = {"__cxa_guard_acquire"}}), "replaces-libc"));
}

TEST_CASE("audit: a set-user-ID bit is seen", "[cli]") {
    Folder folder;
    const std::string path = folder.write("file", build({.interpreter = "/lib/ld.so"}));
    CHECK_FALSE(find(audit_file(path, {}), "setuid"));
    REQUIRE(::chmod(path.c_str(), 04755) == 0);
    CHECK(find(audit_file(path, {}), "setuid"));
    REQUIRE(::chmod(path.c_str(), 02755) == 0);
    CHECK(find(audit_file(path, {}), "setuid"));
}

TEST_CASE("audit: lists of names as nm prints them", "[cli]") {
    const auto names = parse_names(
        "                 U poll@GLIBC_2.2.5\n"
        "                 w __gmon_start__\n"
        "0000000000001139 T own_function\n"
        "0000000000004010 B stdout@@GLIBC_2.2.5\n"
        "libfoo.so:                  U recv\r\n"
        "\n"
        "libfoo.so:\n"
        "send U         \n"
        "defined T 1139 16\n"
        "usleep\n"
        "@nothing");
    std::vector<std::string> found;
    for (const ImportedName& name : names) found.push_back(name.name);
    CHECK(found == std::vector<std::string>{"poll", "__gmon_start__", "recv", "send", "usleep"});
    CHECK(names[0].version == "GLIBC_2.2.5");
    CHECK(names[4].version.empty());
    CHECK(parse_names("").empty());
    CHECK(parse_names("\n\n \t\n").empty());
}
