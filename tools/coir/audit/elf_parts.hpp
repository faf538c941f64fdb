// SPDX-License-Identifier: BSL-1.0
// The parts of reading an ELF file, among each other; see elf_file.hpp.
#pragma once

#include <elf.h>

#include "elf_file.hpp"

namespace coir_tool::elf_parts {

/// More entries of a table than this are a lie: real ones have dozens.
constexpr std::size_t most_entries = 1u << 16;

Elf64_Ehdr read_header(const FileBytes& file);

ElfSymbol make_symbol(const Elf64_Sym& entry, std::string_view names);

/// Fills in what the dynamic section says; returns its DT_FLAGS_1.
std::uint64_t read_dynamic_section(const FileBytes& file, const ElfSegment& segment, ElfFile& elf);

std::vector<std::string> section_names(const FileBytes& file, const Elf64_Ehdr& header);

}  // namespace coir_tool::elf_parts
