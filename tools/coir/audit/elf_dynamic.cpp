// SPDX-License-Identifier: BSL-1.0
// The dynamic section, and the symbols, names and versions that it leads to.
#include <algorithm>
#include <optional>

#include "elf_parts.hpp"

namespace coir_tool::elf_parts {
namespace {

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

Dynamic read_entries(const FileBytes& file, const ElfSegment& segment) {
    const std::string table = file.read(segment.offset, segment.file_size, "the dynamic section");
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
    const std::string head =
        file.read(place.offset, std::min<std::uint64_t>(16, place.room), "the hash table");
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
        const std::string head =
            file.read(place.offset, std::min<std::uint64_t>(8, place.room), "the hash table");
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
            const auto version =
                value_at<Elf64_Vernaux>(table, version_at, "the table of versions");
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
        // What is defined here has a version that is needed of others only if it is a copy of theirs.
        if ((i + 1) * 2 <= numbers.size()) {
            const std::size_t number =
                value_at<std::uint16_t>(numbers, i * 2, "the versions of symbols") & 0x7fffu;
            if (number < versions.size()) symbol.version = versions[number];
            symbol.copied = symbol.defined && !symbol.version.empty();
        }
        elf.symbols.push_back(symbol);
    }
}

}  // namespace

std::uint64_t read_dynamic_section(const FileBytes& file, const ElfSegment& segment, ElfFile& elf) {
    const Dynamic dynamic = read_entries(file, segment);
    elf.bind_now = dynamic.bind_now;
    if (dynamic.strings == 0) return dynamic.flags_1;
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
    return dynamic.flags_1;
}

}  // namespace coir_tool::elf_parts
