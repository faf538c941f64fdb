// SPDX-License-Identifier: BSL-1.0
// Counting points and failing them. See injection.hpp.
#include "injection.hpp"

#include "call_errors.hpp"

#include <coir/detail/sys.hpp>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

namespace coir_faults {
namespace {

Plan plan;
std::atomic<bool> is_armed{false};
std::atomic<std::uint64_t> point_count{0};
std::atomic<std::uint64_t> failure_count{0};
std::atomic<std::uint64_t> bad_close_count{0};
std::atomic<unsigned> most_variants{1};
int failure_error = 0;
std::atomic<bool> wait_failed{false};
pid_t process = 0;
char failure_text[64] = "";

// Whether the point that is now reached fails.
bool due() noexcept {
    const std::uint64_t number = ++point_count;
    if (plan.first == 0) return false;
    return plan.persistent ? number >= plan.first : number == plan.first;
}

void note_failure(const char* name, int error) noexcept {
    if (failure_count++ != 0) return;
    failure_error = error;
    const char* error_name = error != 0 ? ::strerrorname_np(error) : nullptr;
    std::snprintf(failure_text, sizeof failure_text, "%s%s%s", name, error_name ? ": " : "",
                  error_name ? error_name : "");
}

// The error for a call that may fail with these, or 0.
int choose(const char* name, const CallErrors& errors) noexcept {
    if (!is_armed || plan.kind != Kind::calls || errors.count == 0) return 0;
    if (errors.count > most_variants) most_variants = errors.count;
    if (!due()) return 0;
    if (plan.persistent) {
        // What must not fail for ever: callers are right to try again.
        CallErrors lasting{{}, 0};
        for (unsigned i = 0; i < errors.count; ++i) {
            if (!is_momentary(errors.errors[i])) lasting.errors[lasting.count++] = errors.errors[i];
        }
        if (lasting.count == 0) return 0;
        const int error = lasting.errors[plan.variant % lasting.count];
        note_failure(name, error);
        return error;
    }
    const int error = errors.errors[plan.variant % errors.count];
    note_failure(name, error);
    return error;
}

class FaultSys final : public coir::detail::Sys {
public:
    long call(long number, long a, long b, long c, long d, long e, long f) noexcept override {
        int error = 0;
        if (is_armed) {
            const CallErrors errors = errors_of(number, a, b, c);
            error = choose(name_of(number), errors);
        }
        if (error != 0 && plan.persistent && number == SYS_ppoll) wait_failed = true;
        if (error != 0 && number != SYS_close) return -error;
        const long result = Sys::call(number, a, b, c, d, e, f);
        note_descriptors(number, a, b, result);
        if (number == SYS_close && result == -EBADF && is_armed && Sys::call(SYS_getpid, 0, 0, 0, 0, 0, 0) == process) {
            ++bad_close_count;  // a child on the way to execve() may try numbers
        }
        // Linux has closed the descriptor all the same.
        return error != 0 && result == 0 ? -error : result;
    }
};

// Never destroyed, as the real one.
union Kept {
    constexpr Kept() noexcept : none(0) {}
    ~Kept() {}
    char none;
    FaultSys sys;
};

FaultSys& fault_sys() noexcept {
    static Kept kept;
    static FaultSys* const made = new (&kept.sys) FaultSys;
    return *made;
}

}  // namespace

void arm(const Plan& wanted) noexcept {
    plan = wanted;
    point_count = failure_count = bad_close_count = 0;
    wait_failed = false;
    failure_text[0] = '\0';
    process = ::getpid();
    is_armed = true;
}
void disarm() noexcept { is_armed = false; }
bool armed() noexcept { return is_armed; }
std::uint64_t points() noexcept { return point_count; }
std::uint64_t failures() noexcept { return failure_count; }
const char* first_failure() noexcept { return failure_text; }
int first_error() noexcept { return failures() != 0 ? failure_error : 0; }
unsigned variants() noexcept { return most_variants; }
bool loop_lost() noexcept { return wait_failed; }
std::uint64_t bad_closes() noexcept { return bad_close_count; }

bool memory_point() noexcept {
    if (!is_armed || plan.kind != Kind::memory || !due()) return false;
    note_failure("operator new", 0);
    return true;
}

int call_point(const char* name, const int* errors, unsigned count) noexcept {
    CallErrors given{{}, 0};
    for (unsigned i = 0; i < count; ++i) given.errors[given.count++] = errors[i];
    return choose(name, given);
}

}  // namespace coir_faults

// What the linker puts in the place of the functions of these names (meson.build: --wrap).
coir::detail::Sys& wrapped_real_sys() noexcept __asm__("__wrap__ZN4coir2v06detail8real_sysEv");
coir::detail::Sys& wrapped_real_sys() noexcept { return coir_faults::fault_sys(); }

extern "C" {

int __real_io_uring_queue_mmap(int fd, io_uring_params* params, io_uring* ring);
int __wrap_io_uring_queue_mmap(int fd, io_uring_params* params, io_uring* ring);
int __wrap_io_uring_queue_mmap(int fd, io_uring_params* params, io_uring* ring) {
    static constexpr int errors[] = {ENOMEM, EAGAIN};
    const int error = coir_faults::call_point("mmap of the ring", errors, 2);
    return error != 0 ? -error : __real_io_uring_queue_mmap(fd, params, ring);
}

int __real_io_uring_ring_dontfork(io_uring* ring);
int __wrap_io_uring_ring_dontfork(io_uring* ring);
int __wrap_io_uring_ring_dontfork(io_uring* ring) {
    static constexpr int errors[] = {ENOMEM};
    const int error = coir_faults::call_point("madvise of the ring", errors, 1);
    return error != 0 ? -error : __real_io_uring_ring_dontfork(ring);
}

using Child = int (*)(void*);
int __real_clone(Child child, void* stack, int flags, void* argument, ...);
int __wrap_clone(Child child, void* stack, int flags, void* argument, ...);
int __wrap_clone(Child child, void* stack, int flags, void* argument, ...) {
    static constexpr int errors[] = {EAGAIN, ENOMEM};
    const int error = coir_faults::call_point("clone", errors, 2);
    if (error != 0) {
        errno = error;
        return -1;
    }
    va_list more;
    va_start(more, argument);
    void* const parent_tid = va_arg(more, void*);
    va_end(more);
    return __real_clone(child, stack, flags, argument, parent_tid);
}
}
