// SPDX-License-Identifier: BSL-1.0
// What can be asked and said of a thread: its name, its attributes, its processors and priority.
// There is one thread of the kernel: what only that one has cannot be changed for one of many.
#include "exports.hpp"
#include "real.hpp"
#include "threads.hpp"

#include <cerrno>
#include <cstring>
#include <exception>

#include <sched.h>
#include <unistd.h>

namespace coir_deep {
namespace {

bool is_main(const Thread& thread) noexcept { return &thread == &main_thread(); }

// Of those that libc knows nothing of; for the main one it is right, on its own block.
Thread* task_thread(pthread_t handle) noexcept {
    Thread* const thread = thread_of(handle);
    return thread && !is_main(*thread) ? thread : nullptr;
}

int describe(const Thread& thread, pthread_attr_t* attributes) noexcept {
    if (const int error = ::pthread_attr_init(attributes)) return error;
    ::pthread_attr_setdetachstate(
        attributes, thread.detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
    ::pthread_attr_setguardsize(attributes, thread.guard_size);
    if (!thread.stack_near) return ::pthread_attr_setstacksize(attributes, thread.stack_size);
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto top = (reinterpret_cast<std::uintptr_t>(thread.stack_near) + page - 1) & ~(page - 1);
    return ::pthread_attr_setstack(attributes, reinterpret_cast<void*>(top - thread.stack_size),
                                   thread.stack_size);
}

}  // namespace
}  // namespace coir_deep

using namespace coir_deep;

COIR_DEEP_EXPORT(pthread_setname_np, int, (pthread_t handle, const char* name)) {
    Thread* const thread = task_thread(handle);
    static constinit Behind<decltype(::pthread_setname_np)> real("pthread_setname_np");
    if (!thread) return on_carrier([&] { return real(handle, name); });
    if (std::strlen(name) >= sizeof thread->name) return ERANGE;
    std::strcpy(thread->name, name);
    try {
        if (thread->task) thread->task.set_name(name);
    } catch (const std::exception&) {
        return ENOMEM;
    }
    return 0;
}

COIR_DEEP_EXPORT(pthread_getname_np, int, (pthread_t handle, char* name, size_t size)) {
    Thread* const thread = task_thread(handle);
    static constinit Behind<decltype(::pthread_getname_np)> real("pthread_getname_np");
    if (!thread || !thread->name[0]) {  // as that of the process
        const pthread_t asked = thread ? handle_of(main_thread()) : handle;
        return on_carrier([&] { return real(asked, name, size); });
    }
    if (size < sizeof thread->name) return ERANGE;
    std::strcpy(name, thread->name);
    return 0;
}

COIR_DEEP_EXPORT(pthread_getattr_np, int, (pthread_t handle, pthread_attr_t* attributes)) {
    // The main one, too: it runs on a stack of coir's.
    if (const Thread* const thread = thread_of(handle)) return describe(*thread, attributes);
    static constinit Behind<decltype(::pthread_getattr_np)> real("pthread_getattr_np");
    return real(handle, attributes);
}

COIR_DEEP_EXPORT(pthread_getaffinity_np, int, (pthread_t handle, size_t size, cpu_set_t* set)) {
    const pthread_t asked = task_thread(handle) ? handle_of(main_thread()) : handle;
    static constinit Behind<decltype(::pthread_getaffinity_np)> real("pthread_getaffinity_np");
    return real(asked, size, set);
}

COIR_DEEP_EXPORT(pthread_getschedparam, int,
                 (pthread_t handle, int* policy, sched_param* parameters)) {
    const pthread_t asked = task_thread(handle) ? handle_of(main_thread()) : handle;
    static constinit Behind<decltype(::pthread_getschedparam)> real("pthread_getschedparam");
    return real(asked, policy, parameters);
}

// Refused: it would be for all of them.
COIR_DEEP_EXPORT(pthread_setaffinity_np, int,
                 (pthread_t handle, size_t size, const cpu_set_t* set)) {
    static constinit Behind<decltype(::pthread_setaffinity_np)> real("pthread_setaffinity_np");
    return thread_of(handle) ? ENOTSUP : real(handle, size, set);
}

COIR_DEEP_EXPORT(pthread_setschedparam, int,
                 (pthread_t handle, int policy, const sched_param* parameters)) {
    static constinit Behind<decltype(::pthread_setschedparam)> real("pthread_setschedparam");
    return thread_of(handle) ? ENOTSUP : real(handle, policy, parameters);
}

COIR_DEEP_EXPORT(pthread_setschedprio, int, (pthread_t handle, int priority)) {
    static constinit Behind<decltype(::pthread_setschedprio)> real("pthread_setschedprio");
    return thread_of(handle) ? ENOTSUP : real(handle, priority);
}

COIR_DEEP_EXPORT(pthread_getcpuclockid, int, (pthread_t handle, clockid_t* clock)) {
    static constinit Behind<decltype(::pthread_getcpuclockid)> real("pthread_getcpuclockid");
    return task_thread(handle) ? ENOENT : real(handle, clock);  // it has none
}

// Owners of such mutexes are known to the kernel by the number of a thread of its own.
COIR_DEEP_EXPORT(pthread_mutexattr_setprotocol, int,
                 (pthread_mutexattr_t * attributes, int protocol)) {
    static constinit Behind<decltype(::pthread_mutexattr_setprotocol)> real(
        "pthread_mutexattr_setprotocol");
    return this_thread() && protocol != PTHREAD_PRIO_NONE ? ENOTSUP : real(attributes, protocol);
}

COIR_DEEP_EXPORT(pthread_mutexattr_setrobust, int, (pthread_mutexattr_t * attributes, int robust)) {
    static constinit Behind<decltype(::pthread_mutexattr_setrobust)> real(
        "pthread_mutexattr_setrobust");
    return this_thread() && robust != PTHREAD_MUTEX_STALLED ? ENOTSUP : real(attributes, robust);
}
