// SPDX-License-Identifier: BSL-1.0
// A loaded program or library, seen as the loader left it in memory: which slots hold the address of
// a function of another library, and for which name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <elf.h>
#include <link.h>

namespace coir_legacy {

class Image {
public:
    /// Nothing is kept of `info` but what stays in memory until the object is unloaded.
    explicit Image(const dl_phdr_info& info);

    /// The file's name without its folder; of the program, that of its executable.
    const std::string& name() const noexcept { return name_; }
    std::uintptr_t base() const noexcept { return base_; }
    /// Pages that the loader has made read-only once it had filled them (RELRO).
    bool is_read_only(const void* address) const noexcept;

    /// Where the address of a function that another object defines is kept.
    struct Slot {
        const char* symbol;
        void** address;
        /// For calls, and filled at the first call perhaps; else data of the object's own.
        bool is_call;
    };
    template <class F>
    void each_slot(F&& f) const {
        for (const Relocations& part : {calls_, others_}) {
            for (std::size_t i = 0; i < part.count; ++i) visit(part.first[i], f);
        }
    }

private:
    struct Relocations {
        const ElfW(Rela)* first = nullptr;
        std::size_t count = 0;
    };

    void read_dynamic(const ElfW(Dyn)* entry);
    std::uintptr_t address_of(ElfW(Addr) pointer) const noexcept {
        // The loader has turned these into addresses; not where the table is read-only (vdso).
        return pointer < base_ ? base_ + pointer : pointer;
    }
    template <class F>
    void visit(const ElfW(Rela)& relocation, F&& f) const {
        bool is_call = false;
        if (!names_a_slot(relocation, is_call)) return;
        const ElfW(Sym)& symbol = symbols_[ELF64_R_SYM(relocation.r_info)];
        if (symbol.st_shndx != SHN_UNDEF || symbol.st_name == 0) return;  // its own
        f(Slot{names_ + symbol.st_name, reinterpret_cast<void**>(base_ + relocation.r_offset),
               is_call});
    }
    static bool names_a_slot(const ElfW(Rela)& relocation, bool& is_call) noexcept;

    std::string name_;
    std::uintptr_t base_ = 0;
    std::uintptr_t relro_begin_ = 0;
    std::uintptr_t relro_end_ = 0;
    const ElfW(Sym)* symbols_ = nullptr;
    const char* names_ = nullptr;
    Relocations calls_;
    Relocations others_;
};

/// What is loaded now.
std::vector<Image> loaded_images();

}  // namespace coir_legacy
