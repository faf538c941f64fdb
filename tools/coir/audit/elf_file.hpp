// SPDX-License-Identifier: BSL-1.0
// What the dynamic linker sees of an executable or a shared library: 64-bit, little-endian, x86-64
// or aarch64. Nothing is executed or loaded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "file_bytes.hpp"

namespace coir_tool {

struct ElfSegment {
    std::uint32_t type = 0;
    std::uint32_t flags = 0;
    std::uint64_t offset = 0;
    std::uint64_t address = 0;
    std::uint64_t file_size = 0;
    std::uint64_t memory_size = 0;
};

/// Its texts belong to the ElfFile.
struct ElfSymbol {
    std::string_view name;
    std::string_view version;  ///< "GLIBC_2.2.5"; may be empty; of what is not defined here
    bool defined = false;
    bool copied = false;  ///< a library's variable, of which the program has the only copy
    bool function = false;
    std::uint64_t address = 0;
    std::uint64_t size = 0;
};

enum class ElfKind : unsigned char { program, static_program, library };

struct ElfFile {
    unsigned machine = 0;  ///< EM_X86_64 or EM_AARCH64
    ElfKind kind = ElfKind::library;
    std::string interpreter;
    std::string soname;
    std::string rpath;
    std::string runpath;
    std::vector<std::string> needed;
    bool bind_now = false;
    bool relro = false;
    bool go = false;                    ///< built by Go's own linker
    std::uint64_t tls_size = 0;         ///< of thread_local variables
    std::vector<std::string> sections;  ///< their names; none when it was stripped of them
    std::vector<ElfSegment> segments;
    std::vector<ElfSymbol> symbols;  ///< the dynamic ones
    std::shared_ptr<const std::string> names;
};

/// libstdc++ itself.
bool is_standard_library(const ElfFile& elf);

/// "x86-64", "aarch64".
const char* machine_name(unsigned machine);
/// "program", "static program", "shared library".
const char* kind_name(ElfKind kind);

/// Throws BadFile with a message that fits into a line.
ElfFile read_elf(const FileBytes& file);

struct ElfFunctions {
    std::vector<ElfSymbol> list;  ///< sorted by address
    std::shared_ptr<const std::string> names;
};
/// The functions of .symtab; of the dynamic symbols when it was stripped.
ElfFunctions read_functions(const FileBytes& file, const ElfFile& elf);

}  // namespace coir_tool
