// SPDX-License-Identifier: BSL-1.0
// pthread_join and its kin, and pthread_detach. For real threads they are libcoir-legacy's.
#include "cancel.hpp"
#include "exports.hpp"
#include "real.hpp"
#include "threads.hpp"

#include <coir/detail/sys.hpp>

#include <cerrno>

#include <pthread.h>
#include <threads.h>

namespace coir_deep {
namespace {

using coir::Nanoseconds;
using coir::TimePoint;
using coir::detail::Scheduler;

// What the joiner stands in is the thread's record.
struct Joining : hooks::Parking {
    explicit Joining(Thread& thread) noexcept : joined(thread) {
        join = [](Parking& base) noexcept {
            auto& self = static_cast<Joining&>(base);
            if (self.joined.ended) return false;
            self.joined.joiner = &self;
            return true;
        };
        withdraw = [](Parking& base) noexcept {
            auto& self = static_cast<Joining&>(base);
            if (self.joined.joiner != &self) return false;
            self.joined.joiner = nullptr;
            return true;
        };
    }
    Thread& joined;
};

struct Limit {
    clockid_t clock = CLOCK_MONOTONIC;
    const timespec* when = nullptr;  // null: without end
};

TimePoint to_loop_time(coir::detail::Sys& sys, const Limit& limit) noexcept {
    if (!limit.when) return coir::never;
    timespec now{};
    sys(SYS_clock_gettime, limit.clock, &now);
    constexpr time_t longest = 1'000'000'000;
    const time_t seconds = limit.when->tv_sec - now.tv_sec;
    if (seconds > longest) return coir::never;
    if (seconds < -longest) return sys.now();
    return coir::saturating_add(
        sys.now(), std::chrono::seconds(seconds) + Nanoseconds(limit.when->tv_nsec - now.tv_nsec));
}

int check(const Thread& thread) noexcept {
    if (!thread.in_use) return ESRCH;
    if (&thread == this_thread()) return EDEADLK;
    return thread.detached || thread.joiner ? EINVAL : 0;
}

int take_result(Thread& thread, void** result) noexcept {
    if (result) *result = thread.result;
    release(thread);
    return 0;
}

// Not noexcept: a thread that is cancelled here leaves by unwinding.
int join(Thread& thread, void** result, const Limit& limit, const char* what) {
    cancellation_point();
    if (const int error = check(thread)) return error;
    if (limit.when && (limit.when->tv_nsec < 0 || limit.when->tv_nsec >= 1'000'000'000))
        return EINVAL;
    while (!thread.ended) {
        Scheduler* const loop = hooks::suspendable();
        if (!loop) return EDEADLK;  // nothing may be suspended here, so it cannot end
        Joining joining(thread);
        const int saved = errno;
        const auto woken =
            hooks::park(*loop, joining, to_loop_time(hooks::sys(*loop), limit), true, what);
        errno = saved;
        cancellation_point();
        if (woken == hooks::Woken::no_memory) return ENOMEM;
        if (woken == hooks::Woken::timeout && !thread.ended) return ETIMEDOUT;
    }
    return take_result(thread, result);
}

}  // namespace
}  // namespace coir_deep

using namespace coir_deep;

COIR_DEEP_EXPORT(pthread_join, int, (pthread_t handle, void** result)) {
    if (Thread* const thread = thread_of(handle)) return join(*thread, result, {}, "pthread_join");
    static constinit Behind<decltype(::pthread_join)> real("pthread_join");
    return real(handle, result);
}

COIR_DEEP_EXPORT(pthread_tryjoin_np, int, (pthread_t handle, void** result)) {
    Thread* const thread = thread_of(handle);
    static constinit Behind<decltype(::pthread_tryjoin_np)> real("pthread_tryjoin_np");
    if (!thread) return real(handle, result);
    if (const int error = check(*thread)) return error;
    if (thread->ended) return take_result(*thread, result);
    if (Scheduler* const loop = hooks::suspendable())
        hooks::yield(*loop);  // those that try in a loop
    return EBUSY;
}

COIR_DEEP_EXPORT(pthread_timedjoin_np, int,
                 (pthread_t handle, void** result, const timespec* until)) {
    static constinit Behind<decltype(::pthread_timedjoin_np)> real("pthread_timedjoin_np");
    Thread* const thread = thread_of(handle);
    if (!thread) return real(handle, result, until);
    return join(*thread, result, {CLOCK_REALTIME, until}, "pthread_timedjoin_np");
}

COIR_DEEP_EXPORT(pthread_clockjoin_np, int,
                 (pthread_t handle, void** result, clockid_t clock, const timespec* until)) {
    static constinit Behind<decltype(::pthread_clockjoin_np)> real("pthread_clockjoin_np");
    Thread* const thread = thread_of(handle);
    if (!thread) return real(handle, result, clock, until);
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) return EINVAL;
    return join(*thread, result, {clock, until}, "pthread_clockjoin_np");
}

COIR_DEEP_EXPORT(thrd_join, int, (thrd_t handle, int* result)) {
    static constinit Behind<decltype(::thrd_join)> real("thrd_join");
    Thread* const thread = thread_of(handle);
    if (!thread) return real(handle, result);
    void* value = nullptr;
    if (join(*thread, &value, {}, "thrd_join") != 0) return thrd_error;
    if (result) *result = static_cast<int>(reinterpret_cast<long>(value));
    return thrd_success;
}

namespace coir_deep {
namespace {

int detach(Thread& thread) noexcept {
    if (!thread.in_use) return ESRCH;
    if (thread.detached) return EINVAL;
    thread.detached = true;
    if (thread.ended) release(thread);
    return 0;
}

}  // namespace
}  // namespace coir_deep

COIR_DEEP_EXPORT(pthread_detach, int, (pthread_t handle)) {
    static constinit Behind<decltype(::pthread_detach)> real("pthread_detach");
    Thread* const thread = thread_of(handle);
    return thread ? detach(*thread) : real(handle);
}

COIR_DEEP_EXPORT(thrd_detach, int, (thrd_t handle)) {
    static constinit Behind<decltype(::thrd_detach)> real("thrd_detach");
    Thread* const thread = thread_of(handle);
    if (!thread) return real(handle);
    return detach(*thread) == 0 ? thrd_success : thrd_error;
}
