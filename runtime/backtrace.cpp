// SPDX-License-Identifier: BSL-1.0
// See backtrace.hpp.
#include "backtrace.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <memory>

namespace coir {
inline namespace v0 {
namespace detail {

int capture_here(void** addresses, int most) noexcept { return ::backtrace(addresses, most); }

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
