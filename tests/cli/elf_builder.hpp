// SPDX-License-Identifier: BSL-1.0
// Small ELF files made to measure, for the tests of coir audit: any processor, any content.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace elf_test {

struct Import {
    std::string name;
    std::string version = {};
};

struct Content {
    unsigned machine = EM_X86_64;
    unsigned type = ET_DYN;
    std::vector<Import> imports = {};
    std::vector<std::string> exports = {};  ///< functions; the first one is all of the code
    std::vector<std::string> needed = {};
    std::string soname = {};
    std::string runpath = {};
    std::string interpreter = {};
    std::string code = {};
    std::string note = {};     ///< content of a PT_NOTE
    std::string section = {};  ///< name of a section; empty: no sections at all
    std::string second_section = {};
    std::vector<Import> copies = {};  ///< variables of others that a program has a copy of
    std::uint64_t tls = 0;
    std::uint64_t flags_1 = 0;
    bool dynamic = true;
};

class Builder {
public:
    explicit Builder(const Content& content) : content_(content) {}

    std::string build() {
        segments_ = 1 + content_.dynamic + !content_.interpreter.empty() + !content_.note.empty() +
                    (content_.tls != 0);
        file_.assign(sizeof(Elf64_Ehdr) + segments_ * sizeof(Elf64_Phdr), '\0');
        const std::uint64_t code = append(content_.code);
        if (content_.dynamic) add_dynamic(code);
        if (!content_.interpreter.empty()) {
            const std::string path = content_.interpreter + '\0';
            add_segment(PT_INTERP, append(path), path.size());
        }
        if (!content_.note.empty()) {
            add_segment(PT_NOTE, append(content_.note), content_.note.size());
        }
        if (content_.tls != 0) add_segment(PT_TLS, 0, 0, content_.tls);
        Elf64_Ehdr header = make_header();
        if (!content_.section.empty()) add_sections(header);
        add_segment(PT_LOAD, 0, file_.size());
        std::memcpy(file_.data(), &header, sizeof header);
        std::memcpy(file_.data() + sizeof header, programs_.data(),
                    programs_.size() * sizeof(Elf64_Phdr));
        return file_;
    }

private:
    std::uint64_t append(const std::string& bytes) {
        file_.resize((file_.size() + 7) / 8 * 8);
        const std::uint64_t at = file_.size();
        file_ += bytes;
        return at;
    }
    template <class Value>
    static void put(std::string& to, const Value& value) {
        to.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    std::uint32_t text(const std::string& name) {
        const auto at = static_cast<std::uint32_t>(texts_.size());
        texts_ += name + '\0';
        return at;
    }
    void add_segment(std::uint32_t type, std::uint64_t at, std::uint64_t size,
                     std::uint64_t memory = 0) {
        Elf64_Phdr program{};
        program.p_type = type;
        program.p_flags = PF_R | PF_X;
        program.p_offset = program.p_vaddr = at;
        program.p_filesz = size;
        program.p_memsz = memory != 0 ? memory : size;
        programs_.push_back(program);
    }
    Elf64_Ehdr make_header() const {
        Elf64_Ehdr header{};
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = ELFCLASS64;
        header.e_ident[EI_DATA] = ELFDATA2LSB;
        header.e_type = static_cast<Elf64_Half>(content_.type);
        header.e_machine = static_cast<Elf64_Half>(content_.machine);
        header.e_phoff = sizeof header;
        header.e_phentsize = sizeof(Elf64_Phdr);
        header.e_phnum = static_cast<Elf64_Half>(segments_);
        header.e_shentsize = sizeof(Elf64_Shdr);
        return header;
    }
    void add_dynamic(std::uint64_t code) {
        texts_ = std::string(1, '\0');
        std::string symbols(sizeof(Elf64_Sym), '\0'), numbers(2, '\0'), versions;
        std::uint16_t number = 2;
        std::vector<Import> imports = content_.imports;
        imports.insert(imports.end(), content_.copies.begin(), content_.copies.end());
        for (const Import& import : imports) {
            const bool copied = &import - imports.data() >= static_cast<std::ptrdiff_t>(content_.imports.size());
            Elf64_Sym symbol{};
            symbol.st_name = text(import.name);
            symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, copied ? STT_OBJECT : STT_FUNC);
            symbol.st_shndx = copied ? 1 : SHN_UNDEF;
            put(symbols, symbol);
            put(numbers, import.version.empty() ? std::uint16_t{1} : number);
            if (import.version.empty()) continue;
            Elf64_Vernaux version{};
            version.vna_other = number++;
            version.vna_name = text(import.version);
            version.vna_next = sizeof version;
            put(versions, version);
        }
        for (const std::string& name : content_.exports) {
            Elf64_Sym symbol{};
            symbol.st_name = text(name);
            symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
            symbol.st_shndx = 1;
            symbol.st_value = code;
            symbol.st_size = name == content_.exports[0] ? content_.code.size() : 0;
            put(symbols, symbol);
            put(numbers, std::uint16_t{1});
        }
        std::string entries;
        const auto entry = [&](std::int64_t tag, std::uint64_t value) {
            Elf64_Dyn dynamic{};
            dynamic.d_tag = tag;
            dynamic.d_un.d_val = value;
            put(entries, dynamic);
        };
        for (const std::string& name : content_.needed) entry(DT_NEEDED, text(name));
        if (!content_.soname.empty()) entry(DT_SONAME, text(content_.soname));
        if (!content_.runpath.empty()) entry(DT_RUNPATH, text(content_.runpath));
        if (number > 2) {
            Elf64_Verneed library{};
            library.vn_version = 1;
            library.vn_cnt = static_cast<Elf64_Half>(number - 2);
            library.vn_file = text("libc.so.6");
            library.vn_aux = sizeof library;
            std::string table;
            put(table, library);
            entry(DT_VERNEED, append(table + versions));
            entry(DT_VERSYM, append(numbers));
        }
        std::string hash;
        for (const std::size_t word : {std::size_t{1}, symbols.size() / sizeof(Elf64_Sym)}) {
            put(hash, static_cast<std::uint32_t>(word));
        }
        hash.resize(8 + 4 + symbols.size() / sizeof(Elf64_Sym) * 4);
        entry(DT_HASH, append(hash));
        entry(DT_SYMTAB, append(symbols));
        if (content_.flags_1 != 0) entry(DT_FLAGS_1, content_.flags_1);
        entry(DT_STRTAB, append(texts_));
        entry(DT_STRSZ, texts_.size());
        entry(DT_NULL, 0);
        add_segment(PT_DYNAMIC, append(entries), entries.size());
    }
    void add_sections(Elf64_Ehdr& header) {
        const std::string names = std::string(1, '\0') + content_.section + '\0' + content_.second_section + '\0';
        Elf64_Shdr strings{}, other{}, second{};
        strings.sh_type = SHT_STRTAB;
        strings.sh_offset = append(names);
        strings.sh_size = names.size();
        other.sh_name = 1;
        std::string table;
        put(table, strings);
        put(table, other);
        second.sh_name = static_cast<Elf64_Word>(2 + content_.section.size());
        put(table, second);
        header.e_shoff = append(table);
        header.e_shnum = 3;
        header.e_shstrndx = 0;
    }

    const Content& content_;
    std::size_t segments_ = 0;
    std::string file_;
    std::string texts_;
    std::vector<Elf64_Phdr> programs_;
};

inline std::string build(const Content& content) { return Builder(content).build(); }

inline void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace elf_test
