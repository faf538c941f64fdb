// SPDX-License-Identifier: BSL-1.0
// The program's threads, which are tasks of one loop on one thread of the kernel, each with a TLS
// block of its own.
//
// Whose thread-locals does coir's own code see? Whatever block is in place, it makes no difference:
//
//   - What the runtime keeps for a thread of the kernel (its loop, the handlers that have run, the
//     signals held back) every block shares: share_thread(), when a thread begins on its block. The rest of
//     libcoir's thread-locals are marks of the call that is going on, which begins and ends on one
//     block, or savings that may as well be made per block.
//   - The runtime swaps errno and the exceptions in flight by addresses that it has looked up once, on
//     the block that the thread of the kernel was born with (the carrier's). That is right for the
//     main thread, which has that block. The others have theirs in their own blocks, where nobody
//     else writes but the loop between two of their steps: exceptions come and go there in pairs,
//     and errno is kept aside while the thread is suspended.
//   - A fiber that has never run finds what to run by the carrier's exceptions (fiber_switch.cpp): the
//     carrier's block is put in place when a thread is left while another waits for its first step.
//   - The stack guard is the same in all blocks, so that a function may be left on one of them and
//     return on another.
//
// So a switch between two threads costs one change of the thread pointer, as the kernel's own does,
// and none when a thread goes on that was the last to run:
//
//   create --first step: own block--> runs --out--> suspended --in: own block--> runs
//   runs --end: the carrier's block again--> ended
//   ended --join, or at once when detached--> its record and block are free for the next one
//
// Threads: all of this belongs to the one thread of the kernel, and needs no locks. Real threads
// (those of coir's pools, and what was started before main) have no record here.
#pragma once

#include "thread_pointer.hpp"

#include "../legacy_hooks.hpp"

#include <coir/task.hpp>

#include <cstdint>

#include <pthread.h>
#include <signal.h>

namespace coir_deep {

namespace hooks = coir::detail::legacy;

struct Thread {
    void* block = nullptr;  ///< its thread pointer, which is its pthread_t
    void* (*start)(void*) = nullptr;
    void* argument = nullptr;
    void* result = nullptr;
    bool in_use = false;
    bool detached = false;
    bool begun = false;
    bool ended = false;
    int saved_errno = 0;
    hooks::Parking* joiner = nullptr;
    std::uint64_t task_id = 0;
    Thread* next = nullptr;  ///< of its bucket, or of the free ones
    coir::TaskRef task;
    std::size_t stack_size = 0;
    std::size_t guard_size = 0;
    const char* stack_near = nullptr;  ///< an address near its top
    char name[16] = {};
    std::uint64_t mask = 0;     ///< signals that it blocks, as the kernel numbers them
    std::uint64_t signals = 0;  ///< that were sent to it and wait (kill.cpp)
    bool cancel_asked = false;
    bool cancel_disabled = false;
};

/// The running one; null on real threads.
Thread* this_thread() noexcept;
/// Null: it is a real thread.
Thread* thread_of(pthread_t thread) noexcept;
pthread_t handle_of(const Thread& thread) noexcept;
Thread& main_thread() noexcept;

/// Within the main task: from now on tasks are threads. False: no memory.
bool start_threads(std::size_t main_stack_size);
/// 0, or the error that pthread_create() has for it. In a thread.
int create_thread(pthread_t& handle, const pthread_attr_t* attributes, void* (*start)(void*),
                  void* argument) noexcept;
/// Calls `start(argument)`, which may be left by pthread_exit().
void call_start(Thread& thread) noexcept;
/// The thread that runs has nothing more to do: it is the last one, and the process ends, or its
/// task.
void thread_ends(Thread& thread) noexcept;
/// Main has called pthread_exit(): the process ends with the last of the others.
void end_main_thread();
/// Its record is no longer needed.
void release(Thread& thread) noexcept;

/// The block that the thread of the kernel was born with.
void* carrier() noexcept;
/// What `call` returns, called with the carrier's block in place: for libc's own functions that act
/// upon the thread of the kernel.
template <class F>
auto on_carrier(F&& call) {
    if (!this_thread()) return call();
    void* const block = thread_pointer();
    set_thread_pointer(carrier());
    const auto result = call();
    set_thread_pointer(block);
    return result;
}

}  // namespace coir_deep
