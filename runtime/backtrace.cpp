// SPDX-License-Identifier: BSL-1.0
// See backtrace.hpp.
#include "backtrace.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <memory>
#include <string_view>
#include <unwind.h>

#include <sys/auxv.h>

namespace coir {
inline namespace v0 {
namespace detail {

int capture_here(void** addresses, int most) noexcept {
    int count = ::backtrace(addresses, most);
    // A sanitizer puts its own function in the place of backtrace(), which then shows itself.
    const auto* const here = reinterpret_cast<const void*>(&capture_here);
    if (count > 1 && ::_Unwind_FindEnclosingFunction(addresses[1]) == here) {
        std::copy(addresses + 1, addresses + count--, addresses);
    }
    return count;
}

int trim_frames(void* const* addresses, int count, void (*entry)(void*)) noexcept {
    const auto* const outermost = reinterpret_cast<const void*>(entry);
    for (int i = 0; i < count; ++i) {
        if (::_Unwind_FindEnclosingFunction(addresses[i]) != outermost) continue;
        return i > 0 ? i - 1 : 0;  // and what `entry` calls
    }
    return count;
}

namespace {

struct Free {
    void operator()(char* memory) const noexcept { std::free(memory); }
};

std::string demangle(const char* name) {
    int status = 0;
    const std::unique_ptr<char, Free> demangled(abi::__cxa_demangle(name, nullptr, nullptr, &status));
    return demangled ? demangled.get() : name;
}

}  // namespace

namespace {

// The name of a function without what stands before it: of templates, the type that they return.
std::string_view without_result(std::string_view name) {
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char letter = name[i];
        if (letter == '(' && depth == 0 && !name.substr(i).starts_with("(anonymous namespace)")) break;
        if (letter == '<' || letter == '(' || letter == '{') ++depth;
        if (letter == '>' || letter == ')' || letter == '}') --depth;
        if (letter == ' ' && depth == 0) begin = i + 1;
    }
    return name.substr(begin);
}

// Whether an address belongs to coir, as far as can be told: libcoir as a shared library, or a name.
bool is_of_coir(const void* address) {
    Dl_info info{};
    if (::dladdr(address, &info) == 0) return false;
    if (info.dli_sname && without_result(demangle(info.dli_sname)).starts_with("coir::")) return true;
    Dl_info coir{};
    Dl_info program{};
    if (::dladdr(reinterpret_cast<const void*>(&capture_here), &coir) == 0) return false;
    const auto entry = static_cast<std::uintptr_t>(::getauxval(AT_ENTRY));
    const bool shared = ::dladdr(reinterpret_cast<const void*>(entry), &program) == 0 ||
                        program.dli_fbase != coir.dli_fbase;
    return shared && info.dli_fbase == coir.dli_fbase;
}

bool all_named(const void* const* addresses, int count) {
    return std::all_of(addresses, addresses + count, [](const void* address) {
        Dl_info info{};
        return ::dladdr(address, &info) == 0 || info.dli_sname;
    });
}

}  // namespace

std::string describe_frames(const void* const* addresses, int count, const char* between) {
    int first = 0;
    while (first + 1 < count && is_of_coir(addresses[first])) ++first;
    std::string text;
    for (int i = first; i < count; ++i) {
        if (i > first) text += std::string("\n") + between;
        text += describe_address(addresses[i]);
    }
    // Libraries have names, and so have programs that export theirs.
    static constinit std::atomic<bool> said{false};
    if (first < count && !all_named(addresses + first, count - first) && !said.exchange(true)) {
        text += " [for names: link with -rdynamic, or addr2line -Cfe PROGRAM OFFSET]";
    }
    return text;
}

std::string describe_type(const std::type_info& type) { return demangle(type.name()); }

std::string describe_address(const void* address) {
    char text[64];
    std::snprintf(text, sizeof text, "%p", address);
    Dl_info info{};
    if (!address || ::dladdr(address, &info) == 0) return text;
    std::string shown = text;
    const auto value = reinterpret_cast<std::uintptr_t>(address);
    if (info.dli_sname) {
        std::snprintf(text, sizeof text, "+0x%lx",
                      static_cast<unsigned long>(
                          value - reinterpret_cast<std::uintptr_t>(info.dli_saddr)));
        shown += " " + demangle(info.dli_sname) + text;
    }
    if (info.dli_fname) {
        std::snprintf(text, sizeof text, "+0x%lx",
                      static_cast<unsigned long>(
                          value - reinterpret_cast<std::uintptr_t>(info.dli_fbase)));
        shown += std::string(" (") + info.dli_fname + text + ")";
    }
    return shown;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
