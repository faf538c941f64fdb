// SPDX-License-Identifier: BSL-1.0
// How a function of libc is replaced: the definition has a name of its own and gets libc's by an
// assembler label, so that it need not agree with the headers (noexcept, nonnull), and so that
// calls within this library never meet it.
#pragma once

#define COIR_DEEP_EXPORT(symbol, result, parameters)                                          \
    extern "C"                                                                                \
        [[gnu::visibility("default")]] result coir_deep_##symbol parameters __asm__(#symbol); \
    result coir_deep_##symbol parameters
