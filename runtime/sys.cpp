// SPDX-License-Identifier: BSL-1.0
// The default system: raw system calls, the vDSO clock, getrandom.
#include <coir/detail/sys.hpp>

#include <cerrno>
#include <ctime>
#include <new>

#include <sched.h>

#if COIR_TSAN
// ThreadSanitizer takes clone() for fork(). Afterwards it looks away from whatever the child does,
// which here shares the parent thread's state: from that thread, for ever. This is the same function.
extern "C" int __clone(int (*)(void*), void*, int, void*, ...);
#endif

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// Not libc's syscall(): the interposer replaces that symbol, and it would set errno.
long raw_syscall(long number, long a, long b, long c, long d, long e, long f) noexcept {
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

#if COIR_TSAN
constexpr auto clone_process = &__clone;
#else
constexpr auto clone_process = &::clone;
#endif

// Never destroyed: threads of the pool may still use it while the process exits.
union Kept {
    constexpr Kept() noexcept : sys() {}
    ~Kept() {}
    Sys sys;
};
constinit Kept kept;

[[gnu::tls_model("initial-exec")]] constinit thread_local Sys* sys_here = nullptr;

}  // namespace

Sys::~Sys() = default;

long Sys::call(long number, long a, long b, long c, long d, long e, long f) noexcept {
    return raw_syscall(number, a, b, c, d, e, f);
}

long Sys::make_child(int (*child)(void*), void* argument, char* stack_top, int flags,
                     int* pidfd) noexcept {
    const int error_before = errno;
    const int pid = clone_process(child, stack_top, flags, argument, pidfd);
    const long result = pid < 0 ? -static_cast<long>(errno) : pid;
    errno = error_before;
    return result;
}

TimePoint Sys::now() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);  // the vDSO: a raw system call costs seven times that
    return TimePoint(Nanoseconds(static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 +
                                 static_cast<std::int64_t>(now.tv_nsec)));
}

std::uint64_t Sys::random() noexcept {
    std::uint64_t value = 0;
    if ((*this)(SYS_getrandom, &value, sizeof value, 0) != sizeof value) {
        value = static_cast<std::uint64_t>(now().time_since_epoch().count()) * 0x9E3779B97F4A7C15u;
    }
    return value;
}

void Sys::job_started() noexcept {}
void Sys::job_finished() noexcept {}
void Sys::error_reported(const char*) noexcept {}
bool Sys::take_job(void (*)(void*) noexcept, void*) noexcept { return false; }
bool Sys::withdraw_job(void*) noexcept { return false; }
void Sys::tick() noexcept {}
bool Sys::picks() const noexcept { return false; }
std::size_t Sys::pick(std::size_t) noexcept { return 0; }
std::size_t Sys::pick_entry(const std::uint64_t*, std::size_t count) noexcept { return pick(count); }
bool Sys::is_closed_world() const noexcept { return false; }

Sys& real_sys() noexcept {
    return kept.sys;
}
Sys& thread_sys() noexcept { return sys_here ? *sys_here : kept.sys; }
void set_thread_sys(Sys* sys) noexcept { sys_here = sys; }

}  // namespace detail
}  // namespace v0
}  // namespace coir
