// SPDX-License-Identifier: BSL-1.0
// Export macro and the few compiler facts that every header needs.
#pragma once

#if __cplusplus < 202002L
#error coir needs C++20: compile with -std=c++20
#endif

#if defined(COIR_STATIC)
#define COIR_API
#else
#define COIR_API [[gnu::visibility("default")]]
#endif

// Marks a function that may suspend the calling task and is a cancellation point. It expands to
// nothing; it is there for readers and for tools that look for suspension points.
#define COIR_SUSPENDS

// Which sanitizer this translation unit is built with. The switch layer, which is never
// instrumented, gets these from the build.
#ifndef COIR_ASAN
#if defined(__SANITIZE_ADDRESS__)
#define COIR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COIR_ASAN 1
#endif
#endif
#endif
#ifndef COIR_TSAN
#if defined(__SANITIZE_THREAD__)
#define COIR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COIR_TSAN 1
#endif
#endif
#endif
#ifndef COIR_ASAN
#define COIR_ASAN 0
#endif
#ifndef COIR_TSAN
#define COIR_TSAN 0
#endif
