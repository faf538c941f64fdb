// SPDX-License-Identifier: BSL-1.0
// What a thread has of its own: its keys, its locale, the error of its name look-ups. See symbols.hpp.
// Category `makes_keys`: of the keys that tasks have values of, whoever makes them.
#pragma once

// clang-format off
#define COIR_LEGACY_THREAD_SYMBOLS(X) \
    X(pthread_key_create, makes_keys, -1, int, (pthread_key_t* key, void (*destructor)(void*)), (key, destructor)) \
    X(pthread_key_delete, makes_keys, -1, int, (pthread_key_t key), (key)) \
    X(pthread_getspecific, keys, -1, void*, (pthread_key_t key), (key)) \
    X(pthread_setspecific, keys, -1, int, (pthread_key_t key, const void* value), (key, value)) \
    X(tss_create, makes_keys, -1, int, (tss_t* key, void (*destructor)(void*)), (key, destructor)) \
    X(tss_delete, makes_keys, -1, void, (tss_t key), (key)) \
    X(tss_get, keys, -1, void*, (tss_t key), (key)) \
    X(tss_set, keys, -1, int, (tss_t key, void* value), (key, value)) \
    X(uselocale, keys, -1, locale_t, (locale_t locale), (locale)) \
    X(__h_errno_location, keys, -1, int*, (), ())
// clang-format on
