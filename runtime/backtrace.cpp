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

std::string describe_address(const void* address) {
    char text[64];
    std::snprintf(text, sizeof text, "%p", address);
    Dl_info info{};
    if (!address || ::dladdr(address, &info) == 0) return text;
    std::string shown = text;
    const auto value = reinterpret_cast<std::uintptr_t>(address);
    if (info.dli_sname) {
        int status = 0;
        struct Free {
            void operator()(char* memory) const noexcept { std::free(memory); }
        };
        std::unique_ptr<char, Free> demangled(
            abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status));
        std::snprintf(text, sizeof text, "+0x%lx",
                      static_cast<unsigned long>(
                          value - reinterpret_cast<std::uintptr_t>(info.dli_saddr)));
        shown += std::string(" ") + (demangled ? demangled.get() : info.dli_sname) + text;
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
