// SPDX-License-Identifier: BSL-1.0
// The sections: the names of all, and the symbols of .symtab. A file that runs may have none.
#include <algorithm>

#include "elf_parts.hpp"

namespace coir_tool {
namespace elf_parts {
namespace {

std::vector<Elf64_Shdr> read_sections(const FileBytes& file, const Elf64_Ehdr& header) {
    std::vector<Elf64_Shdr> sections;
    // What runs needs no sections: a table that is not there, or damaged, is none.
    if (header.e_shentsize != sizeof(Elf64_Shdr)) return sections;
    if (!file.holds(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr))) return sections;
    const std::string table =
        file.read(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr), "the table of sections");
    for (std::size_t i = 0; i < header.e_shnum; ++i) {
        sections.push_back(value_at<Elf64_Shdr>(table, i * sizeof(Elf64_Shdr), "a section"));
    }
    return sections;
}

}  // namespace

std::vector<std::string> section_names(const FileBytes& file, const Elf64_Ehdr& header) {
    constexpr std::uint64_t most = 1u << 24;
    std::vector<std::string> names;
    const std::vector<Elf64_Shdr> sections = read_sections(file, header);
    if (header.e_shstrndx >= sections.size()) return names;
    const Elf64_Shdr& strings = sections[header.e_shstrndx];
    if (!file.holds(strings.sh_offset, strings.sh_size) || strings.sh_size > most) return names;
    const std::string texts = file.read(strings.sh_offset, strings.sh_size, "the section names");
    for (const Elf64_Shdr& section : sections) {
        names.emplace_back(text_at(texts, section.sh_name).substr(0, 256));
    }
    return names;
}

}  // namespace elf_parts

ElfFunctions read_functions(const FileBytes& file, const ElfFile& elf) {
    ElfFunctions functions;
    const Elf64_Ehdr header = elf_parts::read_header(file);
    const std::vector<Elf64_Shdr> sections = elf_parts::read_sections(file, header);
    for (const Elf64_Shdr& section : sections) {
        if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size()) continue;
        const Elf64_Shdr& strings = sections[section.sh_link];
        if (!file.holds(section.sh_offset, section.sh_size)) continue;
        if (!file.holds(strings.sh_offset, strings.sh_size)) continue;
        const std::string table = file.read(section.sh_offset, section.sh_size, "the symbols");
        functions.names = std::make_shared<const std::string>(
            file.read(strings.sh_offset, strings.sh_size, "the names of symbols"));
        for (std::uint64_t i = 0; i < table.size() / sizeof(Elf64_Sym); ++i) {
            functions.list.push_back(elf_parts::make_symbol(
                value_at<Elf64_Sym>(table, i * sizeof(Elf64_Sym), "the symbols"),
                *functions.names));
        }
        break;
    }
    if (functions.list.empty()) {
        functions.names = elf.names;
        functions.list = elf.symbols;
    }
    std::erase_if(functions.list, [](const ElfSymbol& symbol) {
        return !symbol.defined || !symbol.function || symbol.name.empty();
    });
    std::stable_sort(functions.list.begin(), functions.list.end(),
                     [](const ElfSymbol& a, const ElfSymbol& b) { return a.address < b.address; });
    return functions;
}

}  // namespace coir_tool
