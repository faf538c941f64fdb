// SPDX-License-Identifier: BSL-1.0
#include "elf_file.hpp"

#include <algorithm>
#include <optional>

#include <elf.h>

namespace coir_tool {
namespace {

constexpr std::size_t most_entries = 1u << 16;  // of the dynamic section: real ones have dozens

Elf64_Ehdr read_header(const FileBytes& file) {
    if (file.size() < SELFMAG || file.read(0, SELFMAG, "the header") != ELFMAG) {
        throw BadFile("is not an ELF file");
    }
    const std::string ident = file.read(0, EI_NIDENT, "the header");
    if (ident[EI_CLASS] == ELFCLASS32) throw BadFile("is a 32-bit ELF file; only 64-bit ones are audited");
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
        throw BadFile("is an object file; audit what it is linked into, or: nm -u FILE | coir audit -");
    }
    if (header.e_type == ET_CORE) throw BadFile("is a core file");
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
        throw BadFile("is neither a program nor a shared library");
    }
    return header;
}

std::vector<ElfSegment> read_segments(const FileBytes& file, const Elf64_Ehdr& header) {
    std::vector<ElfSegment> segments;
    if (header.e_phnum == 0) throw BadFile("damaged: it has no segments");
    if (header.e_phentsize != sizeof(Elf64_Phdr)) throw BadFile("damaged: segments of a wrong size");
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

struct Place {
    std::uint64_t offset = 0;
    std::uint64_t room = 0;  ///< up to the end of its segment, and of the file
};

std::optional<Place> place_of(const FileBytes& file, const ElfFile& elf, std::uint64_t address) {
    for (const ElfSegment& segment : elf.segments) {
        if (segment.type != PT_LOAD || address < segment.address) continue;
        const std::uint64_t within = address - segment.address;
        if (within >= segment.file_size || segment.offset > file.size()) continue;
        if (within > file.size() - segment.offset) continue;
        const std::uint64_t offset = segment.offset + within;
        return Place{offset, std::min(segment.file_size - within, file.size() - offset)};
    }
    return std::nullopt;
}

Place need_place(const FileBytes& file, const ElfFile& elf, std::uint64_t address,
                 const char* what) {
    const std::optional<Place> place = place_of(file, elf, address);
    if (!place) throw BadFile(std::string("damaged: ") + what + " is in no segment");
    return *place;
}

// The entries of the dynamic section that matter.
struct Dynamic {
    std::uint64_t symbols = 0, strings = 0, strings_size = 0, hash = 0, gnu_hash = 0;
    std::uint64_t versions = 0, needed_versions = 0, flags_1 = 0;
    std::uint64_t soname = 0, rpath = 0, runpath = 0;
    std::vector<std::uint64_t> needed;
    bool bind_now = false;
};

Dynamic read_dynamic(const FileBytes& file, const ElfSegment& segment) {
    const std::string table =
        file.read(segment.offset, segment.file_size, "the dynamic section");
    Dynamic dynamic;
    for (std::size_t i = 0; i < std::min(table.size() / sizeof(Elf64_Dyn), most_entries); ++i) {
        const auto entry = value_at<Elf64_Dyn>(table, i * sizeof(Elf64_Dyn), "the dynamic section");
        const std::uint64_t value = entry.d_un.d_val;
        switch (entry.d_tag) {
            case DT_NULL:
                return dynamic;
            case DT_NEEDED:
                dynamic.needed.push_back(value);
                break;
            case DT_SYMTAB:
                dynamic.symbols = value;
                break;
            case DT_STRTAB:
                dynamic.strings = value;
                break;
            case DT_STRSZ:
                dynamic.strings_size = value;
                break;
            case DT_HASH:
                dynamic.hash = value;
                break;
            case DT_GNU_HASH:
                dynamic.gnu_hash = value;
                break;
            case DT_VERSYM:
                dynamic.versions = value;
                break;
            case DT_VERNEED:
                dynamic.needed_versions = value;
                break;
            case DT_SONAME:
                dynamic.soname = value;
                break;
            case DT_RPATH:
                dynamic.rpath = value;
                break;
            case DT_RUNPATH:
                dynamic.runpath = value;
                break;
            case DT_FLAGS:
                if (value & DF_BIND_NOW) dynamic.bind_now = true;
                break;
            case DT_FLAGS_1:
                dynamic.flags_1 = value;
                if (value & DF_1_NOW) dynamic.bind_now = true;
                break;
            case DT_BIND_NOW:
                dynamic.bind_now = true;
                break;
            default:
                break;
        }
    }
    return dynamic;
}

// The GNU hash table says how many symbols there are only by its longest chain.
std::uint64_t count_by_gnu_hash(const FileBytes& file, const ElfFile& elf, std::uint64_t address) {
    const Place place = need_place(file, elf, address, "the hash table");
    const std::string head = file.read(place.offset, std::min<std::uint64_t>(16, place.room),
                                       "the hash table");
    const auto buckets = value_at<std::uint32_t>(head, 0, "the hash table");
    const auto first = value_at<std::uint32_t>(head, 4, "the hash table");
    const auto words = value_at<std::uint32_t>(head, 8, "the hash table");
    const std::uint64_t buckets_at = 16 + std::uint64_t{words} * 8;
    if (buckets_at + std::uint64_t{buckets} * 4 > place.room) {
        throw BadFile("damaged: the hash table ends too early");
    }
    const std::string table =
        file.read(place.offset + buckets_at, place.room - buckets_at, "the hash table");
    std::uint32_t last = 0;
    for (std::uint64_t i = 0; i < buckets; ++i) {
        last = std::max(last, value_at<std::uint32_t>(table, i * 4, "the hash table"));
    }
    if (last < first) return first;
    for (std::uint64_t i = last;; ++i) {
        const std::uint64_t at = (std::uint64_t{buckets} + i - first) * 4;
        if (value_at<std::uint32_t>(table, at, "the hash table") & 1) return i + 1;
    }
}

std::uint64_t count_symbols(const FileBytes& file, const ElfFile& elf, const Dynamic& dynamic) {
    if (dynamic.hash != 0) {
        const Place place = need_place(file, elf, dynamic.hash, "the hash table");
        const std::string head = file.read(place.offset, std::min<std::uint64_t>(8, place.room),
                                           "the hash table");
        return value_at<std::uint32_t>(head, 4, "the hash table");
    }
    if (dynamic.gnu_hash != 0) return count_by_gnu_hash(file, elf, dynamic.gnu_hash);
    return 0;
}

// Which version has which number, from what is needed of other libraries.
std::vector<std::string_view> read_versions(const FileBytes& file, const ElfFile& elf,
                                            const Dynamic& dynamic) {
    std::vector<std::string_view> versions;
    if (dynamic.needed_versions == 0) return versions;
    const Place place = need_place(file, elf, dynamic.needed_versions, "the table of versions");
    const std::string table = file.read(place.offset, place.room, "the table of versions");
    // Both offsets only grow, so that this ends; and soon, since there is a limit.
    std::size_t seen = 0;
    for (std::uint64_t at = 0;;) {
        const auto library = value_at<Elf64_Verneed>(table, at, "the table of versions");
        std::uint64_t version_at = at + library.vn_aux;
        for (unsigned i = 0; i < library.vn_cnt; ++i) {
            if (++seen > most_entries) throw BadFile("damaged: too many versions");
            const auto version = value_at<Elf64_Vernaux>(table, version_at, "the table of versions");
            const std::size_t number = version.vna_other & 0x7fffu;
            if (versions.size() <= number) versions.resize(number + 1);
            versions[number] = text_at(*elf.names, version.vna_name);
            if (version.vna_next == 0) break;
            version_at += version.vna_next;
        }
        if (library.vn_next == 0 || ++seen > most_entries) return versions;
        at += library.vn_next;
    }
}

ElfSymbol make_symbol(const Elf64_Sym& entry, std::string_view names) {
    const unsigned type = ELF64_ST_TYPE(entry.st_info);
    ElfSymbol symbol;
    symbol.name = text_at(names, entry.st_name);
    symbol.defined = entry.st_shndx != SHN_UNDEF;
    symbol.function = type == STT_FUNC || type == STT_GNU_IFUNC;
    symbol.address = entry.st_value;
    symbol.size = entry.st_size;
    return symbol;
}

void read_symbols(const FileBytes& file, ElfFile& elf, const Dynamic& dynamic) {
    const std::uint64_t count = count_symbols(file, elf, dynamic);
    if (count == 0 || dynamic.symbols == 0) return;
    const Place place = need_place(file, elf, dynamic.symbols, "the table of symbols");
    if (count > place.room / sizeof(Elf64_Sym)) {
        throw BadFile("damaged: the table of symbols ends too early");
    }
    const std::string table =
        file.read(place.offset, count * sizeof(Elf64_Sym), "the table of symbols");
    const std::vector<std::string_view> versions = read_versions(file, elf, dynamic);
    std::string numbers;
    if (dynamic.versions != 0) {
        const Place at = need_place(file, elf, dynamic.versions, "the versions of symbols");
        numbers = file.read(at.offset, std::min(at.room, count * 2), "the versions of symbols");
    }
    elf.symbols.reserve(count);
    for (std::uint64_t i = 1; i < count; ++i) {
        ElfSymbol symbol = make_symbol(
            value_at<Elf64_Sym>(table, i * sizeof(Elf64_Sym), "the table of symbols"), *elf.names);
        if (symbol.name.empty()) continue;
        if (!symbol.defined && (i + 1) * 2 <= numbers.size()) {
            const std::size_t number =
                value_at<std::uint16_t>(numbers, i * 2, "the versions of symbols") & 0x7fffu;
            if (number < versions.size()) symbol.version = versions[number];
        }
        elf.symbols.push_back(symbol);
    }
}

void read_dynamic_part(const FileBytes& file, ElfFile& elf, const ElfSegment& segment,
                       Dynamic& dynamic) {
    dynamic = read_dynamic(file, segment);
    elf.bind_now = dynamic.bind_now;
    if (dynamic.strings == 0) return;
    const Place place = need_place(file, elf, dynamic.strings, "the table of names");
    if (dynamic.strings_size > place.room) {
        throw BadFile("damaged: the file ends before the table of names does");
    }
    elf.names = std::make_shared<const std::string>(
        file.read(place.offset, dynamic.strings_size, "the table of names"));
    const auto text = [&](std::uint64_t offset) {
        return offset == 0 ? std::string() : std::string(text_at(*elf.names, offset));
    };
    for (const std::uint64_t name : dynamic.needed) elf.needed.push_back(text(name));
    elf.soname = text(dynamic.soname);
    elf.rpath = text(dynamic.rpath);
    elf.runpath = text(dynamic.runpath);
    read_symbols(file, elf, dynamic);
}

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

bool is_go(const FileBytes& file, const ElfFile& elf) {
    for (const std::string& name : elf.sections) {
        if (name == ".go.buildinfo" || name == ".note.go.buildid") return true;
    }
    // Stripped of its sections it still has the note: "Go\0\0", type 4.
    for (const ElfSegment& segment : elf.segments) {
        if (segment.type != PT_NOTE || segment.file_size < 16) continue;
        if (!file.holds(segment.offset, 16)) continue;
        const std::string note = file.read(segment.offset, 16, "a note");
        if (note.compare(12, 4, "Go\0\0", 4) == 0 && value_at<std::uint32_t>(note, 8, "a note") == 4) {
            return true;
        }
    }
    return false;
}

ElfKind kind_of(const ElfFile& elf, const Elf64_Ehdr& header, const Dynamic& dynamic) {
    if (elf.interpreter.empty()) {
        const bool program = header.e_type == ET_EXEC || (dynamic.flags_1 & DF_1_PIE) != 0;
        return program ? ElfKind::static_program : ElfKind::library;
    }
    // libc.so.6 can be run, too, but has a name for others to load it by.
    if (header.e_type == ET_DYN && !elf.soname.empty()) return ElfKind::library;
    return ElfKind::program;
}

}  // namespace

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
    const Elf64_Ehdr header = read_header(file);
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
    Dynamic dynamic;
    if (const ElfSegment* segment = find_segment(elf, PT_DYNAMIC)) {
        read_dynamic_part(file, elf, *segment, dynamic);
    }
    elf.kind = kind_of(elf, header, dynamic);
    elf.sections = section_names(file, header);
    elf.go = is_go(file, elf);
    return elf;
}

ElfFunctions read_functions(const FileBytes& file, const ElfFile& elf) {
    ElfFunctions functions;
    const Elf64_Ehdr header = read_header(file);
    const std::vector<Elf64_Shdr> sections = read_sections(file, header);
    for (const Elf64_Shdr& section : sections) {
        if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size()) continue;
        const Elf64_Shdr& strings = sections[section.sh_link];
        if (!file.holds(section.sh_offset, section.sh_size)) continue;
        if (!file.holds(strings.sh_offset, strings.sh_size)) continue;
        const std::string table = file.read(section.sh_offset, section.sh_size, "the symbols");
        functions.names = std::make_shared<const std::string>(
            file.read(strings.sh_offset, strings.sh_size, "the names of symbols"));
        for (std::uint64_t i = 0; i < table.size() / sizeof(Elf64_Sym); ++i) {
            functions.list.push_back(make_symbol(
                value_at<Elf64_Sym>(table, i * sizeof(Elf64_Sym), "the symbols"), *functions.names));
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
