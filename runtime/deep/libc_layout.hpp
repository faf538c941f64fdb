// SPDX-License-Identifier: BSL-1.0
// What this library must know of the insides of libc: where things are in the memory that a thread
// pointer points at, and functions that have no header.
//
// Nothing is taken on trust. Offsets come from what libc itself tells debuggers (the _thread_db_*
// descriptors) and from the kernel, and each is compared with the thread that is running before it
// is used. What is missing or looks different is a refusal.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coir_deep {

/// Of the part that the ABI fixes: compilers generate code that uses it.
namespace tcb {
inline constexpr std::size_t self = 0x00;
inline constexpr std::size_t vector = 0x08;  ///< the dtv: where each module's variables are
inline constexpr std::size_t thread = 0x10;
inline constexpr std::size_t multiple_threads = 0x18;
inline constexpr std::size_t stack_guard = 0x28;
inline constexpr std::size_t pointer_guard = 0x30;
}  // namespace tcb

struct KeySlot {  ///< one value of pthread_setspecific()
    std::uintptr_t sequence;
    void* value;
};
struct KeyEntry {  ///< one key of pthread_key_create()
    std::uintptr_t sequence;
    void (*destructor)(void*);
};

struct LibcLayout {
    // Offsets from the thread pointer.
    std::size_t thread_size = 0;
    std::size_t tid = 0;
    std::size_t list = 0;
    std::size_t specific = 0;     ///< pointers to tables of KeySlot
    std::size_t robust_list = 0;  ///< head of the list of robust mutexes
    std::ptrdiff_t rseq = 0;      ///< 0: there is none
    std::ptrdiff_t error_number = 0;
    std::ptrdiff_t resolver = 0;  ///< a pointer to the state of the name resolver
    // libc's own thread-locals, below the thread pointer.
    std::ptrdiff_t variables = 0;
    std::size_t variables_size = 0;
    // This library's, which the self-test looks for in the vector.
    std::ptrdiff_t own_variables = 0;
    std::size_t own_module = 0;

    const KeyEntry* keys = nullptr;
    void* (*allocate_tls)(void* memory) = nullptr;
    void (*deallocate_tls)(void* block, bool with_memory) = nullptr;
    void (*call_destructors)() = nullptr;
    void (*init_ctype)() = nullptr;
};

inline constexpr std::size_t keys_per_table = 32;
inline constexpr std::size_t key_tables = 32;

/// Filled by check_libc_layout(), and the same from then on.
extern LibcLayout libc_layout;
/// Looks, compares, and refuses. On the first thread, as long as it is the only one.
void check_libc_layout();
/// The libc versions that this has been tested with.
const char* tested_libc_versions() noexcept;

template <class T>
T& at(void* thread_pointer, std::ptrdiff_t offset) noexcept {
    return *reinterpret_cast<T*>(static_cast<char*>(thread_pointer) + offset);
}
template <class T>
T& at(void* thread_pointer, std::size_t offset) noexcept {
    return at<T>(thread_pointer, static_cast<std::ptrdiff_t>(offset));
}

}  // namespace coir_deep
