// SPDX-License-Identifier: BSL-1.0
// The thread pointer: the base of %fs, by which code finds errno, pthread_self() and thread-locals.
#pragma once

namespace coir_deep {

inline void* thread_pointer() noexcept {
    void* pointer = nullptr;
    __asm__ volatile("movq %%fs:0x10, %0" : "=r"(pointer));
    return pointer;
}

/// Code that has computed the address of a thread-local before must not use it after.
void set_thread_pointer(void* pointer) noexcept;

/// "wrfsbase", or "arch_prctl" where the kernel does not allow the instruction.
const char* how_thread_pointers_are_set() noexcept;

}  // namespace coir_deep
