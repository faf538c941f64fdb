// SPDX-License-Identifier: BSL-1.0
// See select_users.hpp. What is loaded is looked at as the loader left it in memory.
#include "select_users.hpp"

#include <coir/log.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>

#include <elf.h>
#include <link.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

bool is_select(std::string_view name) noexcept {
    return name == "select" || name == "pselect" || name == "__fdelt_chk" || name == "__fdelt_warn";
}

// What an object's dynamic section leads to.
struct Tables {
    const ElfW(Sym)* symbols = nullptr;
    const char* names = nullptr;
    const ElfW(Rela)* relocations[2] = {};  // of calls, and the others
    std::size_t sizes[2] = {};
};

Tables tables_of(const dl_phdr_info& info) noexcept {
    Tables tables;
    const ElfW(Dyn)* entry = nullptr;
    for (std::size_t i = 0; i < info.dlpi_phnum; ++i) {
        if (info.dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
        entry = reinterpret_cast<const ElfW(Dyn)*>(info.dlpi_addr + info.dlpi_phdr[i].p_vaddr);
    }
    // The loader has turned these into addresses; not where the table is read-only (vdso).
    const auto address = [&](ElfW(Addr) value) { return value < info.dlpi_addr ? info.dlpi_addr + value : value; };
    for (; entry && entry->d_tag != DT_NULL; ++entry) {
        const ElfW(Addr) value = entry->d_un.d_ptr;
        switch (entry->d_tag) {
            case DT_SYMTAB: tables.symbols = reinterpret_cast<const ElfW(Sym)*>(address(value)); break;
            case DT_STRTAB: tables.names = reinterpret_cast<const char*>(address(value)); break;
            case DT_JMPREL: tables.relocations[0] = reinterpret_cast<const ElfW(Rela)*>(address(value)); break;
            case DT_RELA: tables.relocations[1] = reinterpret_cast<const ElfW(Rela)*>(address(value)); break;
            case DT_PLTRELSZ: tables.sizes[0] = value; break;
            case DT_RELASZ: tables.sizes[1] = value; break;
            default: break;
        }
    }
    return tables;
}

bool imports_select(const Tables& tables) noexcept {
    if (!tables.symbols || !tables.names) return false;
    for (int part = 0; part < 2; ++part) {
        const std::size_t count = tables.relocations[part] ? tables.sizes[part] / sizeof(ElfW(Rela)) : 0;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t index = ELF64_R_SYM(tables.relocations[part][i].r_info);
            const ElfW(Sym)& symbol = tables.symbols[index];
            if (index != 0 && symbol.st_shndx == SHN_UNDEF && is_select(tables.names + symbol.st_name)) return true;
        }
    }
    return false;
}

std::string_view base_name(const char* path) noexcept {
    const std::string_view whole = path ? path : "";
    return whole.substr(whole.rfind('/') + 1);
}

std::string users_of_select() {
    std::string users;
    const auto look = [](dl_phdr_info* info, std::size_t, void* list) noexcept {
        const std::string_view name = base_name(info->dlpi_name);
        if (name.starts_with("libcoir") || name.starts_with("libc.so") || !imports_select(tables_of(*info))) return 0;
        try {
            auto& text = *static_cast<std::string*>(list);
            text += text.empty() ? "" : ", ";
            text += name.empty() ? "the program" : name;
        } catch (const std::bad_alloc&) {
            return 1;
        }
        return 0;
    };
    ::dl_iterate_phdr(look, &users);
    return users;
}

}  // namespace

void warn_of_select(int fd) noexcept {
    static constinit std::atomic<bool> said{false};
    if (said.load(std::memory_order_relaxed) || said.exchange(true)) return;
    try {
        const std::string users = users_of_select();
        if (users.empty()) return;
        log(LogLevel::warning, "coir: descriptors have reached " + std::to_string(fd) +
                                   ": from 1024 on select() and FD_SET() fail or end the program, and " + users +
                                   " may use them");
    } catch (const std::bad_alloc&) {
        // Then it is not said.
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
