// SPDX-License-Identifier: BSL-1.0
// See image.hpp.
#include "image.hpp"

#include <unistd.h>

#if defined(__x86_64__)
#define COIR_R_JUMP_SLOT R_X86_64_JUMP_SLOT
#define COIR_R_GLOB_DAT R_X86_64_GLOB_DAT
#define COIR_R_ABSOLUTE R_X86_64_64
#elif defined(__aarch64__)
#define COIR_R_JUMP_SLOT R_AARCH64_JUMP_SLOT
#define COIR_R_GLOB_DAT R_AARCH64_GLOB_DAT
#define COIR_R_ABSOLUTE R_AARCH64_ABS64
#else
#error "libcoir-legacy knows the relocations of x86-64 and aarch64 only"
#endif

namespace coir_legacy {
namespace {

std::string base_name(std::string_view path) {
    return std::string(path.substr(path.rfind('/') + 1));
}

std::string name_of_program() {
    char path[4096];
    const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
    return length <= 0 ? std::string() : base_name({path, static_cast<std::size_t>(length)});
}

}  // namespace

Image::Image(const dl_phdr_info& info) : base_(info.dlpi_addr) {
    name_ = info.dlpi_name && *info.dlpi_name ? base_name(info.dlpi_name) : name_of_program();
    const ElfW(Dyn)* dynamic = nullptr;
    for (std::size_t i = 0; i < info.dlpi_phnum; ++i) {
        const ElfW(Phdr)& part = info.dlpi_phdr[i];
        if (part.p_type == PT_DYNAMIC) {
            dynamic = reinterpret_cast<const ElfW(Dyn)*>(base_ + part.p_vaddr);
        } else if (part.p_type == PT_GNU_RELRO) {
            relro_begin_ = base_ + part.p_vaddr;
            relro_end_ = relro_begin_ + part.p_memsz;
        }
    }
    if (dynamic) read_dynamic(dynamic);
}

void Image::read_dynamic(const ElfW(Dyn)* entry) {
    bool calls_are_rela = true;
    std::size_t calls_size = 0;
    std::size_t others_size = 0;
    for (; entry->d_tag != DT_NULL; ++entry) {
        const ElfW(Addr) value = entry->d_un.d_ptr;
        switch (entry->d_tag) {
            case DT_SYMTAB: symbols_ = reinterpret_cast<const ElfW(Sym)*>(address_of(value)); break;
            case DT_STRTAB: names_ = reinterpret_cast<const char*>(address_of(value)); break;
            case DT_JMPREL:
                calls_.first = reinterpret_cast<const ElfW(Rela)*>(address_of(value));
                break;
            case DT_RELA:
                others_.first = reinterpret_cast<const ElfW(Rela)*>(address_of(value));
                break;
            case DT_PLTRELSZ: calls_size = value; break;
            case DT_RELASZ: others_size = value; break;
            case DT_PLTREL: calls_are_rela = value == DT_RELA; break;
            default: break;
        }
    }
    if (!symbols_ || !names_) return;
    if (calls_.first && calls_are_rela) calls_.count = calls_size / sizeof(ElfW(Rela));
    if (others_.first) others_.count = others_size / sizeof(ElfW(Rela));
}

bool Image::names_a_slot(const ElfW(Rela)& relocation, bool& is_call) noexcept {
    switch (ELF64_R_TYPE(relocation.r_info)) {
        case COIR_R_JUMP_SLOT: is_call = true; return true;
        case COIR_R_GLOB_DAT: return true;
        case COIR_R_ABSOLUTE: return relocation.r_addend == 0;
        default: return false;
    }
}

bool Image::is_read_only(const void* address) const noexcept {
    const auto number = reinterpret_cast<std::uintptr_t>(address);
    const auto page = static_cast<std::uintptr_t>(::getpagesize());
    // The loader protects whole pages only.
    return number >= relro_begin_ / page * page && number < relro_end_ / page * page;
}

std::vector<Image> loaded_images() {
    std::vector<Image> images;
    const auto add = [](dl_phdr_info* info, std::size_t, void* list) {
        static_cast<std::vector<Image>*>(list)->emplace_back(*info);
        return 0;
    };
    ::dl_iterate_phdr(add, &images);
    return images;
}

}  // namespace coir_legacy
