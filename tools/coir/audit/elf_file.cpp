// SPDX-License-Identifier: BSL-1.0
#include "elf_file.hpp"

#include <algorithm>

#include "elf_parts.hpp"

namespace coir_tool {

Elf64_Ehdr elf_parts::read_header(const FileBytes& file) {
    if (file.size() < SELFMAG || file.read(0, SELFMAG, "the header") != ELFMAG) {
        throw BadFile("is not an ELF file");
    }
    const std::string ident = file.read(0, EI_NIDENT, "the header");
    if (ident[EI_CLASS] == ELFCLASS32)
        throw BadFile("is a 32-bit ELF file; only 64-bit ones are audited");
    if (ident[EI_CLASS] != ELFCLASS64) throw BadFile("damaged: an ELF file of no known class");
    if (ident[EI_DATA] != ELFDATA2LSB) {
        throw BadFile("is a big-endian ELF file; only little-endian ones are audited");
    }
    const auto header =
        value_at<Elf64_Ehdr>(file.read(0, sizeof(Elf64_Ehdr), "the header"), 0, "the header");
    if (header.e_machine != EM_X86_64 && header.e_machine != EM_AARCH64) {
        throw BadFile("is for another processor (ELF machine " + std::to_string(header.e_machine) +
                      "); only x86-64 and aarch64 are audited");
    }
    if (header.e_type == ET_REL) {
        throw BadFile(
            "is an object file; audit what it is linked into, or: nm -u FILE | coir audit -");
    }
    if (header.e_type == ET_CORE) throw BadFile("is a core file");
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
        throw BadFile("is neither a program nor a shared library");
    }
    return header;
}

ElfSymbol elf_parts::make_symbol(const Elf64_Sym& entry, std::string_view names) {
    const unsigned type = ELF64_ST_TYPE(entry.st_info);
    ElfSymbol symbol;
    symbol.name = text_at(names, entry.st_name);
    symbol.defined = entry.st_shndx != SHN_UNDEF;
    symbol.function = type == STT_FUNC || type == STT_GNU_IFUNC;
    symbol.address = entry.st_value;
    symbol.size = entry.st_size;
    return symbol;
}

namespace {

std::vector<ElfSegment> read_segments(const FileBytes& file, const Elf64_Ehdr& header) {
    std::vector<ElfSegment> segments;
    if (header.e_phnum == 0) throw BadFile("damaged: it has no segments");
    if (header.e_phentsize != sizeof(Elf64_Phdr))
        throw BadFile("damaged: segments of a wrong size");
    const std::string table =
        file.read(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr), "the table of segments");
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
        const auto entry = value_at<Elf64_Phdr>(table, i * sizeof(Elf64_Phdr), "a segment");
        segments.push_back({entry.p_type, entry.p_flags, entry.p_offset, entry.p_vaddr,
                            entry.p_filesz, entry.p_memsz});
    }
    return segments;
}

const ElfSegment* find_segment(const ElfFile& elf, std::uint32_t type) {
    const auto found = std::find_if(elf.segments.begin(), elf.segments.end(),
                                    [&](const ElfSegment& each) { return each.type == type; });
    return found == elf.segments.end() ? nullptr : &*found;
}

bool is_go(const FileBytes& file, const ElfFile& elf) {
    for (const std::string& name : elf.sections) {
        if (name == ".go.buildinfo" || name == ".note.go.buildid") return true;
    }
    // Stripped of its sections it still has the note: "Go\0\0", type 4.
    for (const ElfSegment& segment : elf.segments) {
        if (segment.type != PT_NOTE || segment.file_size < 16) continue;
        if (!file.holds(segment.offset, 16)) continue;
        const std::string note = file.read(segment.offset, 16, "a note");
        if (note.compare(12, 4, "Go\0\0", 4) == 0 &&
            value_at<std::uint32_t>(note, 8, "a note") == 4) {
            return true;
        }
    }
    return false;
}

ElfKind kind_of(const ElfFile& elf, const Elf64_Ehdr& header, std::uint64_t flags_1) {
    if (elf.interpreter.empty()) {
        const bool program = header.e_type == ET_EXEC || (flags_1 & DF_1_PIE) != 0;
        return program ? ElfKind::static_program : ElfKind::library;
    }
    // libc.so.6 can be run, too, but has a name for others to load it by.
    if (header.e_type == ET_DYN && !elf.soname.empty()) return ElfKind::library;
    return ElfKind::program;
}

}  // namespace

bool is_standard_library(const ElfFile& elf) { return elf.soname.starts_with("libstdc++.so"); }

const char* machine_name(unsigned machine) { return machine == EM_AARCH64 ? "aarch64" : "x86-64"; }

const char* kind_name(ElfKind kind) {
    switch (kind) {
        case ElfKind::program:
            return "program";
        case ElfKind::static_program:
            return "static program";
        case ElfKind::library:
            break;
    }
    return "shared library";
}

ElfFile read_elf(const FileBytes& file) {
    const Elf64_Ehdr header = elf_parts::read_header(file);
    ElfFile elf;
    elf.machine = header.e_machine;
    elf.segments = read_segments(file, header);
    if (!find_segment(elf, PT_LOAD)) throw BadFile("damaged: it has nothing to load");
    if (header.e_type == ET_DYN && !find_segment(elf, PT_DYNAMIC)) {
        throw BadFile("damaged: it has no dynamic section");
    }
    elf.names = std::make_shared<const std::string>();
    elf.relro = find_segment(elf, PT_GNU_RELRO) != nullptr;
    if (const ElfSegment* tls = find_segment(elf, PT_TLS)) elf.tls_size = tls->memory_size;
    if (const ElfSegment* segment = find_segment(elf, PT_INTERP)) {
        const std::string path = file.read(segment->offset, segment->file_size, "its interpreter");
        elf.interpreter = std::string(text_at(path, 0));
    }
    std::uint64_t flags_1 = 0;
    if (const ElfSegment* segment = find_segment(elf, PT_DYNAMIC)) {
        flags_1 = elf_parts::read_dynamic_section(file, *segment, elf);
    }
    elf.kind = kind_of(elf, header, flags_1);
    elf.sections = elf_parts::section_names(file, header);
    elf.go = is_go(file, elf);
    return elf;
}

}  // namespace coir_tool
