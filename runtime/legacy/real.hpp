// SPDX-License-Identifier: BSL-1.0
// The functions that are replaced: found with dlsym(RTLD_NEXT) at their first use.
#pragma once

#include "symbol_types.hpp"
#include "symbols.hpp"

namespace coir_legacy {

/// Position of a symbol in the table.
enum class Symbol : unsigned short {
#define COIR_LEGACY_INDEX(symbol, ...) symbol,
    COIR_LEGACY_SYMBOLS(COIR_LEGACY_INDEX)
#undef COIR_LEGACY_INDEX
        count_
};

/// The real function, or what stands in for it; never null. Any thread, at any time, also before
/// this library's constructor has run and within dlsym() itself.
void* resolve(Symbol symbol) noexcept;
/// To be called once, by this library's constructor: a library that stands before libc finds the
/// functions that it replaces behind it. One that was loaded late, for single libraries to be
/// patched, replaces nothing: it finds what the program finds.
void find_what_stands_behind() noexcept;

namespace real {

// A pointer per symbol and a function that calls through it: real::read(fd, buffer, size).
#define COIR_LEGACY_REAL(symbol, category, number, result, parameters, arguments)              \
    extern result(*symbol##_pointer) parameters;                                               \
    inline result symbol parameters {                                                          \
        auto* function = __atomic_load_n(&symbol##_pointer, __ATOMIC_RELAXED);                 \
        if (!function) [[unlikely]] {                                                          \
            function = reinterpret_cast<result(*) parameters>(resolve(Symbol::symbol));        \
        }                                                                                      \
        return function arguments;                                                             \
    }
COIR_LEGACY_SYMBOLS(COIR_LEGACY_REAL)
#undef COIR_LEGACY_REAL

}  // namespace real
}  // namespace coir_legacy
