// SPDX-License-Identifier: BSL-1.0
// See libc_layout.hpp.
#include "libc_layout.hpp"

#include "refusal.hpp"
#include "thread_pointer.hpp"

#include <coir/detail/sys.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string>

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <linux/futex.h>
#include <link.h>
#include <pthread.h>
#include <sys/auxv.h>

namespace coir_deep {

LibcLayout libc_layout;

namespace {

// How libc describes a field to debuggers.
struct FieldDescriptor {
    std::uint32_t bits;
    std::uint32_t count;
    std::uint32_t offset;
};

[[gnu::tls_model("initial-exec")]] constinit thread_local int own_variable = 0;

constexpr const char* tested[] = {"2.36"};

void check_version() {
    const char* const version = ::gnu_get_libc_version();
    for (const char* known : tested) {
        if (std::strcmp(version, known) == 0) return;
    }
    refuse(std::string("glibc ") + version + " is not among those that it has been tested with (" +
           tested_libc_versions() + ")");
}

template <class T>
T need(const char* name) {
    void* const found = ::dlsym(RTLD_DEFAULT, name);
    if (!found) refuse(std::string("this libc has no ") + name);
    return reinterpret_cast<T>(found);
}

const FieldDescriptor& field(const char* name, std::uint32_t bits) {
    const auto& found = *need<const FieldDescriptor*>(name);
    if (found.bits != bits) refuse(std::string(name) + " has another size than it should");
    return found;
}

void expect(bool true_here, const char* what) {
    if (!true_here) refuse(std::string(what) + " of the running thread is not where it should be");
}

void find_functions(LibcLayout& layout) {
    layout.allocate_tls = need<void* (*)(void*)>("_dl_allocate_tls");
    layout.deallocate_tls = need<void (*)(void*, bool)>("_dl_deallocate_tls");
    layout.call_destructors = need<void (*)()>("__call_tls_dtors");
    layout.init_ctype = need<void (*)()>("__ctype_init");
}

// What compilers rely on.
void check_fixed_part(void* self) {
    expect(at<void*>(self, tcb::self) == self && at<void*>(self, tcb::thread) == self,
           "the thread pointer");
    expect(reinterpret_cast<void*>(::pthread_self()) == self, "pthread_self()");
    const auto* random = reinterpret_cast<const unsigned char*>(::getauxval(AT_RANDOM));
    std::uint64_t words[2];
    if (!random) refuse("the kernel has given no AT_RANDOM");
    std::memcpy(words, random, sizeof words);
    expect(at<std::uint64_t>(self, tcb::stack_guard) == (words[0] & ~std::uint64_t{0xff}),
           "the stack guard");
    expect(at<std::uint64_t>(self, tcb::pointer_guard) == words[1], "the pointer guard");
}

void find_thread(LibcLayout& layout, void* self) {
    layout.thread_size = *need<const std::uint32_t*>("_thread_db_sizeof_pthread");
    layout.tid = field("_thread_db_pthread_tid", 32).offset;
    expect(layout.thread_size >= 1024 && layout.thread_size <= 8192 && layout.thread_size % 64 == 0,
           "the size");
    expect(at<int>(self, layout.tid) == coir::detail::real_sys()(SYS_gettid),
           "the thread's number");
    layout.list = field("_thread_db_pthread_list", 128).offset;
    void* const next = at<void*>(self, layout.list);
    void* const previous = at<void*>(self, layout.list + sizeof(void*));
    char* const link = static_cast<char*>(self) + layout.list;
    expect(next && previous && at<void*>(next, sizeof(void*)) == link &&
               at<void*>(previous, std::size_t{0}) == link,
           "the list of threads");
}

void find_keys(LibcLayout& layout, void* self) {
    const FieldDescriptor& tables = field("_thread_db_pthread_specific", 64 * key_tables);
    const FieldDescriptor& slots = field("_thread_db_pthread_key_data_level2_data", 128);
    const FieldDescriptor& known = field("_thread_db___pthread_keys", 128);
    const bool as_expected =
        slots.count == keys_per_table && known.count == PTHREAD_KEYS_MAX &&
        known.count == key_tables * keys_per_table &&
        field("_thread_db_pthread_key_data_seq", 64).offset == offsetof(KeySlot, sequence) &&
        field("_thread_db_pthread_key_data_data", 64).offset == offsetof(KeySlot, value) &&
        field("_thread_db_pthread_key_struct_seq", 64).offset == offsetof(KeyEntry, sequence) &&
        field("_thread_db_pthread_key_struct_destr", 64).offset == offsetof(KeyEntry, destructor);
    if (!as_expected) refuse("this libc keeps the values of keys in another way");
    layout.specific = tables.offset;
    layout.keys = need<const KeyEntry*>("__pthread_keys");
    expect(at<char*>(self, layout.specific) ==
               static_cast<char*>(self) + layout.specific - keys_per_table * sizeof(KeySlot),
           "the first table of keys");
}

void find_kernel_s_part(LibcLayout& layout, void* self) {
    robust_list_head* head = nullptr;
    std::size_t size = 0;
    coir::detail::real_sys()(SYS_get_robust_list, 0, &head, &size);
    const auto offset = reinterpret_cast<char*>(head) - static_cast<char*>(self);
    expect(offset > 0 && static_cast<std::size_t>(offset) + size <= layout.thread_size,
           "the list of robust mutexes");
    layout.robust_list = static_cast<std::size_t>(offset);
    const auto* rseq_size = static_cast<const unsigned*>(::dlsym(RTLD_DEFAULT, "__rseq_size"));
    if (!rseq_size || *rseq_size == 0) return;
    layout.rseq = *need<const std::ptrdiff_t*>("__rseq_offset");
    expect(
        layout.rseq > 0 && static_cast<std::size_t>(layout.rseq) + *rseq_size <= layout.thread_size,
        "the area of restartable sequences");
}

struct Module {
    const void* address;  // in it
    std::ptrdiff_t variables = 0;
    std::size_t size = 0;
    std::size_t number = 0;
};

int look_at_module(dl_phdr_info* info, std::size_t, void* argument) {
    auto& module = *static_cast<Module*>(argument);
    const auto address = reinterpret_cast<std::uintptr_t>(module.address);
    std::size_t size = 0;
    bool contains = false;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const auto& header = info->dlpi_phdr[i];
        if (header.p_type == PT_TLS) size = header.p_memsz;
        if (header.p_type != PT_LOAD) continue;
        const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
        contains = contains || (address >= begin && address < begin + header.p_memsz);
    }
    if (!contains || !info->dlpi_tls_data) return 0;
    module.variables =
        static_cast<char*>(info->dlpi_tls_data) - static_cast<char*>(thread_pointer());
    module.size = size;
    module.number = info->dlpi_tls_modid;
    return 1;
}

Module module_of(const void* address) {
    Module module{address};
    static_cast<void>(::dl_iterate_phdr(&look_at_module, &module));
    return module;
}

bool below(std::ptrdiff_t offset) noexcept { return offset < 0 && offset > -(1 << 20); }

void find_variables(LibcLayout& layout, void* self) {
    const Module libc = module_of(reinterpret_cast<const void*>(&::gnu_get_libc_version));
    expect(libc.number != 0 && below(libc.variables), "the block of libc's variables");
    layout.variables = libc.variables;
    layout.variables_size = libc.size;
    const auto in_libc = [&](const void* address, const char* what) {
        const std::ptrdiff_t offset = static_cast<const char*>(address) - static_cast<char*>(self);
        expect(offset >= libc.variables &&
                   offset < libc.variables + static_cast<std::ptrdiff_t>(libc.size),
               what);
        return offset;
    };
    layout.error_number = in_libc(&errno, "errno");
    layout.resolver = in_libc(need<const void*>("__resp"), "the resolver's state");
    // The vector has this library's variables where they are.
    const Module own = module_of(&libc_layout);
    layout.own_variables = own.variables;
    layout.own_module = own.number;
    expect(own.number != 0 && below(own.variables), "the block of this library's variables");
    char* const entries = at<char*>(self, tcb::vector);
    expect(entries && at<std::size_t>(entries, -std::ptrdiff_t{16}) >= own.number, "the dtv");
    expect(at<char*>(entries, 16 * own.number) == static_cast<char*>(self) + own.variables,
           "the dtv");
    const auto offset = reinterpret_cast<char*>(&own_variable) - static_cast<char*>(self);
    expect(
        offset >= own.variables && offset < own.variables + static_cast<std::ptrdiff_t>(own.size),
        "a thread-local");
}

}  // namespace

const char* tested_libc_versions() noexcept {
    static_assert(std::size(tested) == 1);
    return tested[0];
}

void check_libc_layout() {
    check_version();
    LibcLayout layout;
    void* const self = thread_pointer();
    check_fixed_part(self);
    find_functions(layout);
    find_thread(layout, self);
    find_keys(layout, self);
    find_kernel_s_part(layout, self);
    find_variables(layout, self);
    libc_layout = layout;
}

}  // namespace coir_deep
