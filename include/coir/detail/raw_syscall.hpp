// SPDX-License-Identifier: BSL-1.0
// One system call by the processor's instruction. Not libc's syscall(): the interposer replaces that symbol,
// and it would set errno. For Sys and its shortcuts alone.
#pragma once

namespace coir {
inline namespace v0 {
namespace detail {

/// -> the kernel's result: >= 0, or -errno. Any thread.
inline long raw_syscall(long number, long a, long b, long c, long d, long e, long f) noexcept {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
#error "coir: this architecture needs its raw system call here"
#endif
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
