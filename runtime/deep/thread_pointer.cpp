// SPDX-License-Identifier: BSL-1.0
// See thread_pointer.hpp.
#include "thread_pointer.hpp"

#include <coir/detail/sys.hpp>

#include <asm/prctl.h>
#include <sys/auxv.h>

namespace coir_deep {
namespace {

constexpr unsigned long fsgsbase = 1 << 1;  // of AT_HWCAP2

bool has_instruction() noexcept {
    static const bool has = (::getauxval(AT_HWCAP2) & fsgsbase) != 0;
    return has;
}

}  // namespace

[[gnu::noinline]] void set_thread_pointer(void* pointer) noexcept {
    if (has_instruction()) {
        __asm__ volatile("wrfsbase %0" : : "r"(pointer) : "memory");
    } else {
        coir::detail::real_sys()(SYS_arch_prctl, ARCH_SET_FS, pointer);
    }
}

const char* how_thread_pointers_are_set() noexcept {
    return has_instruction() ? "wrfsbase" : "arch_prctl";
}

}  // namespace coir_deep
