// SPDX-License-Identifier: BSL-1.0
// coir audit meets files that are cut short, damaged or lie about themselves: one line each.
#include <algorithm>
#include <chrono>
#include <random>

#include "audit/library_search.hpp"
#include "audit/name_list.hpp"
#include "audit_support.hpp"

using namespace coir_tool;
using namespace elf_test;

namespace {

Content rich_content() {
    Content content;
    content.imports = {
        {"poll", "GLIBC_2.2.5"}, {"__read", "GLIBC_2.2.5"}, {"fgets", "GLIBC_2.2.5"}};
    content.exports = {"first", "second"};
    content.needed = {"libc.so.6", "libother.so.1"};
    content.soname = "librich.so.1";
    content.runpath = "$ORIGIN/lib";
    content.interpreter = "/lib/ld.so";
    content.code = std::string("\xb8\1\0\0\0\x0f\x05\xc3", 8);
    content.note = std::string("\4\0\0\0\4\0\0\0\3\0\0\0GNU\0abcd", 20);
    content.section = ".text";
    content.tls = 64;
    return content;
}

// Why it is refused; empty when it is not.
std::string refusal_of(const std::string& path) {
    try {
        audit_file(path, {});
        return {};
    } catch (const BadFile& error) {
        return error.what();
    }
}

std::string refusal_of_bytes(const std::string& bytes) {
    Folder folder;
    return refusal_of(folder.write("file", bytes));
}

bool is_one_line(const std::string& text) {
    return text.size() < 200 && text.find('\n') == std::string::npos;
}

// Numbers that overflow, point just beyond, or are large: what arithmetic fails at.
std::uint64_t nasty_number(std::mt19937& random) {
    const std::uint64_t numbers[] = {
        0,     1,         7,          0x7fffffff, 0x80000000,      0xffffffff,
        ~0ull, ~0ull - 7, 1ull << 63, 1ull << 32, random() % 4096, random()};
    return numbers[random() % std::size(numbers)];
}

std::string mutated(std::string bytes, std::mt19937& random) {
    const unsigned changes = 1 + static_cast<unsigned>(random() % 4);
    for (unsigned i = 0; i < changes; ++i) {
        // The headers and tables are at both ends of the file.
        const std::size_t at = random() % 2 ? random() % bytes.size()
                                            : random() % std::min<std::size_t>(bytes.size(), 512);
        const std::uint64_t number = nasty_number(random);
        const std::size_t width =
            std::min<std::size_t>(bytes.size() - at, std::size_t{1} << random() % 4);
        std::memcpy(bytes.data() + at, &number, width);
    }
    if (random() % 8 == 0) bytes.resize(random() % (bytes.size() + 1));
    return bytes;
}

// How many of so many mutations are refused; every one is audited or refused in one line.
std::size_t refused_of(const std::string& original, unsigned mutations, unsigned seed) {
    std::mt19937 random(seed);
    Folder folder;
    std::size_t refused = 0;
    for (unsigned i = 0; i < mutations; ++i) {
        const std::string path = folder.path() + "/file";
        const std::string bytes = mutated(original, random);
        folder.write("file", bytes);
        INFO("seed " << seed << ", mutation " << i);
        const std::string refusal = refusal_of(path);
        CHECK(is_one_line(refusal));
        refused += !refusal.empty();
        find_dependencies({path}, LibrarySearch({}, ""), [](std::string_view) { return true; });
    }
    return refused;
}

}  // namespace

TEST_CASE("audit: a file that is cut short at any place is no crash", "[cli]") {
    const std::string whole = build(rich_content());
    REQUIRE(refusal_of_bytes(whole).empty());
    Folder folder;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const std::string refusal = refusal_of(folder.write("file", whole.substr(0, size)));
        INFO(size << " of " << whole.size() << " bytes");
        CHECK_FALSE(refusal.empty());
        CHECK(is_one_line(refusal));
    }
}

TEST_CASE("audit: thousands of damaged files are audited or refused, and never a crash", "[cli]") {
    const std::string made = build(rich_content());
    const std::size_t refused = refused_of(made, 6000, 1);
    CHECK(refused > 600);   // the mutations hit something,
    CHECK(refused < 5400);  // and not only what is looked at first
    // A real library, as long as it is small: with GNU hash, versions and sections.
    for (const char* path :
         {"/lib/x86_64-linux-gnu/libanl.so.1", "/lib/aarch64-linux-gnu/libanl.so.1"}) {
        if (::access(path, R_OK) != 0) continue;
        const FileBytes file(path);
        CHECK(refused_of(file.read(0, file.size(), "it"), 2000, 2) > 50);
    }
}

TEST_CASE("audit: what is not an ELF file for these processors is named", "[cli]") {
    const auto contains = [](const std::string& text, const char* words) {
        INFO(text);
        return text.find(words) != std::string::npos;
    };
    CHECK(contains(refusal_of_bytes(""), "is not an ELF file"));
    CHECK(contains(refusal_of_bytes("#!/bin/sh\n"), "is not an ELF file"));
    CHECK(contains(refusal_of_bytes("\x7f"
                                    "ELF"),
                   "the file ends before the header"));
    std::string bytes = build({});
    bytes[EI_CLASS] = ELFCLASS32;
    CHECK(contains(refusal_of_bytes(bytes), "32-bit"));
    bytes = build({});
    bytes[EI_DATA] = ELFDATA2MSB;
    CHECK(contains(refusal_of_bytes(bytes), "big-endian"));
    CHECK(contains(refusal_of_bytes(build({.machine = EM_RISCV})), "another processor"));
    CHECK(contains(refusal_of_bytes(build({.type = ET_REL})), "object file"));
    CHECK(contains(refusal_of_bytes(build({.type = ET_CORE})), "core file"));
    CHECK(contains(refusal_of("/"), "is a directory"));
    CHECK(contains(refusal_of("/dev/null"), "is not a regular file"));
    CHECK(contains(refusal_of("/nonexistent"), "No such file"));
}

TEST_CASE("audit: a FIFO does not make it wait", "[cli]") {
    Folder folder;
    const std::string path = folder.write("fifo", "");
    ::unlink(path.c_str());
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK(refusal_of(path) == "is not a regular file");
}

TEST_CASE("audit: a sparse file that claims gigabytes of names takes no memory", "[cli]") {
    Folder folder;
    std::string bytes = build(rich_content());
    // The segment that is loaded, and then the size of the table of names.
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    const std::uint64_t huge = 1ull << 40;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        const std::size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
        Elf64_Phdr program;
        std::memcpy(&program, bytes.data() + at, sizeof program);
        if (program.p_type == PT_LOAD) program.p_filesz = huge;
        std::memcpy(bytes.data() + at, &program, sizeof program);
    }
    const std::string path = folder.write("file", bytes);
    if (::truncate(path.c_str(), static_cast<off_t>(huge)) != 0)
        COIR_SKIP("no sparse files in /tmp");
    const auto start = std::chrono::steady_clock::now();
    CHECK(refusal_of(path).find("too large") != std::string::npos);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("audit: damaged lists of names and caches are read as far as they go", "[cli]") {
    std::mt19937 random(3);
    std::string cache = "glibc-ld.so.cache1.1";
    cache.append(28, '\0');
    const std::uint32_t one = 1;
    std::memcpy(cache.data() + 20, &one, 4);
    std::string entry(24, '\0');
    const std::uint32_t name = 72, path = 80;
    std::memcpy(entry.data() + 4, &name, 4);
    std::memcpy(entry.data() + 8, &path, 4);
    cache += entry + std::string("liba.so\0/lib/liba.so\0", 21);
    const LibraryCache parsed = parse_library_cache(cache);
    REQUIRE(parsed.count("liba.so") == 1);
    CHECK(parsed.at("liba.so") == std::vector<std::string>{"/lib/liba.so"});
    for (unsigned i = 0; i < 3000; ++i) {
        CHECK(parse_library_cache(mutated(cache, random)).size() <= 3000);
        CHECK(
            parse_names(mutated("                 U poll@GLIBC_2.2.5\nsend U\n", random)).size() <=
            60);
    }
}
