// SPDX-License-Identifier: BSL-1.0
// See real.hpp. In a fully static program the linker knows the real functions: it takes __real_read
// for read itself, and read, everywhere else, for __wrap_read.
#include "real.hpp"

#include "own_exports.hpp"
#include "system_call.hpp"

namespace coir_legacy {

#define COIR_LEGACY_BEHIND(symbol, category, number, result, parameters, arguments) \
    extern "C" result coir_legacy_behind_##symbol parameters __asm__("__real_" #symbol);
COIR_LEGACY_SYMBOLS(COIR_LEGACY_BEHIND)
#undef COIR_LEGACY_BEHIND

// libc has it for old programs only, which are dynamic.
extern "C" [[gnu::weak]] int coir_legacy_behind_pthread_yield() __asm__("__real_pthread_yield");

namespace real {

#define COIR_LEGACY_POINTER(symbol, category, number, result, parameters, arguments) \
    result(*symbol##_pointer) parameters = &coir_legacy_behind_##symbol;
COIR_LEGACY_SYMBOLS(COIR_LEGACY_POINTER)
#undef COIR_LEGACY_POINTER

}  // namespace real

// Only for what the linker has not found.
void* resolve(Symbol symbol) noexcept {
    struct Entry {
        void** pointer;
        void* (*system_call)() noexcept;
    };
    static const Entry entries[] = {
#define COIR_LEGACY_ENTRY(symbol, category, number, result, parameters, arguments) \
    {reinterpret_cast<void**>(&real::symbol##_pointer),                            \
     &SystemCall<number, result parameters>::address},
        COIR_LEGACY_SYMBOLS(COIR_LEGACY_ENTRY)
#undef COIR_LEGACY_ENTRY
    };
    const Entry& entry = entries[static_cast<unsigned>(symbol)];
    if (!*entry.pointer) *entry.pointer = entry.system_call();
    return *entry.pointer;
}

void find_what_stands_behind() noexcept {}

// stdio's own calls, for programs that are linked with coir-legacy-stdio.wrap as well.
extern "C" {
ssize_t coir_legacy_read_of_libc(int fd, void* buffer, size_t size) __asm__("__wrap___read");
ssize_t coir_legacy_write_of_libc(int fd, const void* data, size_t size) __asm__("__wrap___write");

ssize_t coir_legacy_read_of_libc(int fd, void* buffer, size_t size) {
    return coir_legacy_read(fd, buffer, size);
}
ssize_t coir_legacy_write_of_libc(int fd, const void* data, size_t size) {
    return coir_legacy_write(fd, data, size);
}
}

}  // namespace coir_legacy
