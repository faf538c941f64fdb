// SPDX-License-Identifier: BSL-1.0
// See real.hpp.
#include "real.hpp"

#include "patch.hpp"
#include "system_call.hpp"

#include <cerrno>
#include <cstring>

#include <dlfcn.h>
#include <sys/auxv.h>

namespace coir_legacy {
namespace real {

#define COIR_LEGACY_POINTER(symbol, category, number, result, parameters, arguments) \
    result(*symbol##_pointer) parameters = nullptr;
COIR_LEGACY_SYMBOLS(COIR_LEGACY_POINTER)
#undef COIR_LEGACY_POINTER

}  // namespace real

namespace {

// Where to look; null: behind this library.
constinit void* whole_program = nullptr;

// dlsym() may allocate, and an allocator may read files: what it calls goes to the kernel directly.
[[gnu::tls_model("initial-exec")]] constinit thread_local int resolving = 0;

struct Entry {
    const char* name;
    void** pointer;
    void* (*system_call)() noexcept;
    bool has_system_call;
};

const Entry entries[] = {
#define COIR_LEGACY_ENTRY(symbol, category, number, result, parameters, arguments) \
    {#symbol, reinterpret_cast<void**>(&real::symbol##_pointer),                   \
     &SystemCall<number, result parameters>::address, (number) >= 0},
    COIR_LEGACY_SYMBOLS(COIR_LEGACY_ENTRY)
#undef COIR_LEGACY_ENTRY
};

// Of condition variables libc has two kinds, and keeps the old one for old programs.
void* look_up(const char* name) noexcept {
    void* const where = whole_program ? whole_program : RTLD_NEXT;
    if (std::strncmp(name, "pthread_cond_", 13) == 0) {
        if (void* found = ::dlvsym(where, name, "GLIBC_2.3.2")) return found;
    }
    return ::dlsym(where, name);
}

// An allocator that is called by dlsym() may take its locks, which are looked up by dlsym(). At last
// they are taken for taken: nobody else is there so early.
constexpr int deepest = 4;
long done() noexcept { return 0; }

}  // namespace

void* resolve(Symbol symbol) noexcept {
    const Entry& entry = entries[static_cast<unsigned>(symbol)];
    if (resolving > 0 && entry.has_system_call) return entry.system_call();
    if (resolving > deepest) return reinterpret_cast<void*>(&done);
    const int saved = errno;
    ++resolving;
    void* found = look_up(entry.name);
    --resolving;
    errno = saved;
    if (!found) found = entry.system_call();  // an older libc
    __atomic_store_n(entry.pointer, found, __ATOMIC_RELAXED);
    return found;
}

// This library's code may be a part of the program itself, which exports what libraries refer to.
static bool is_in_program() noexcept {
    Dl_info here{}, program{};
    const auto* headers = reinterpret_cast<const void*>(::getauxval(AT_PHDR));
    return ::dladdr(reinterpret_cast<const void*>(&resolve), &here) != 0 && headers &&
           ::dladdr(headers, &program) != 0 && here.dli_fbase == program.dli_fbase;
}

void find_what_stands_behind() noexcept {
    if (is_in_program()) return;
    void* const program = ::dlopen(nullptr, RTLD_LAZY);
    if (program && !::dlsym(program, "coir_legacy_patch")) whole_program = program;
}

}  // namespace coir_legacy
