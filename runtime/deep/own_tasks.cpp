// SPDX-License-Identifier: BSL-1.0
// See own_tasks.hpp.
#include "own_tasks.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <elf.h>
#include <link.h>

namespace coir_deep {
namespace {

const char* last_part(const char* path) noexcept {
    const char* const slash = std::strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool is_of_coir(const char* name) noexcept { return std::strncmp(name, "libcoir", 7) == 0; }

const ElfW(Dyn) * dynamic_section_of(const dl_phdr_info& object) noexcept {
    for (int i = 0; i < object.dlpi_phnum; ++i) {
        const auto& header = object.dlpi_phdr[i];
        if (header.p_type == PT_DYNAMIC) {
            return reinterpret_cast<const ElfW(Dyn)*>(object.dlpi_addr + header.p_vaddr);
        }
    }
    return nullptr;
}

// Not those that are preloaded with this one.
int needs_libcoir(dl_phdr_info* object, std::size_t, void*) {
    if (object->dlpi_name && is_of_coir(last_part(object->dlpi_name))) return 0;
    const ElfW(Dyn)* const section = dynamic_section_of(*object);
    const char* strings = nullptr;
    for (const ElfW(Dyn)* entry = section; entry && entry->d_tag != DT_NULL; ++entry) {
        if (entry->d_tag == DT_STRTAB) strings = reinterpret_cast<const char*>(entry->d_un.d_ptr);
    }
    // The kernel's own object needs nothing, and gives an offset.
    if (!strings || reinterpret_cast<std::uintptr_t>(strings) < object->dlpi_addr) return 0;
    for (const ElfW(Dyn)* entry = section; entry->d_tag != DT_NULL; ++entry) {
        if (entry->d_tag == DT_NEEDED && is_of_coir(strings + entry->d_un.d_val)) return 1;
    }
    return 0;
}

}  // namespace

bool program_uses_libcoir() noexcept { return ::dl_iterate_phdr(&needs_libcoir, nullptr) != 0; }

}  // namespace coir_deep
