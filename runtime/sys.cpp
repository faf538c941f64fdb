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
void Sys::cancel_asked(std::uint64_t, bool) noexcept {}
bool Sys::is_closed_world() const noexcept { return false; }

Sys& real_sys() noexcept {
    return kept.sys;
}
Sys& thread_sys() noexcept { return sys_here ? *sys_here : kept.sys; }
void set_thread_sys(Sys* sys) noexcept { sys_here = sys; }

}  // namespace detail
}  // namespace v0
}  // namespace coir
