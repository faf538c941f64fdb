// SPDX-License-Identifier: BSL-1.0
// See threads.hpp.
#include "threads.hpp"

#include "cancel.hpp"
#include "kill.hpp"
#include "signal_masks.hpp"
#include "switching.hpp"
#include "tls_block.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

#include <setjmp.h>

extern "C" {
// What pthread_cleanup_push() is made of in C.
void __pthread_register_cancel(__pthread_unwind_buf_t* buffer);
void __pthread_unregister_cancel(__pthread_unwind_buf_t* buffer);
int __sigsetjmp(struct __jmp_buf_tag* buffer, int mask) noexcept;
}

namespace coir_deep {
namespace {

// Of the block in place; at the same distance from every thread pointer.
[[gnu::tls_model("initial-exec")]] constinit thread_local Thread* running = nullptr;

constinit hooks::ThreadShare share{};
constinit Thread* free_threads = nullptr;
constinit std::size_t alive = 0;
// In the child of a fork only the thread that forked goes on, and no task switches any more.
constinit bool forked = false;

Thread*& record_at(void* block) noexcept {
    const auto offset = reinterpret_cast<char*>(&running) - static_cast<char*>(thread_pointer());
    return *reinterpret_cast<Thread**>(static_cast<char*>(block) + offset);
}

Thread* take_free_thread() noexcept {
    Thread* const thread = free_threads;
    if (!thread) return nullptr;
    free_threads = thread->next;
    if (!renew_tls_block(thread->block)) {
        delete thread;
        return nullptr;
    }
    void* const block = thread->block;
    *thread = Thread{};
    thread->block = block;
    return thread;
}

Thread* new_thread() noexcept {
    Thread* thread = take_free_thread();
    if (!thread) {
        thread = new (std::nothrow) Thread;
        if (!thread) return nullptr;
        thread->block = make_tls_block();
        if (!thread->block) {
            delete thread;
            return nullptr;
        }
    }
    thread->in_use = true;
    record_at(thread->block) = thread;
    return thread;
}

void put_back(Thread& thread) noexcept {
    thread.in_use = false;
    thread.task = {};
    thread.next = free_threads;
    free_threads = &thread;
}

bool understand(Thread& thread, const pthread_attr_t* attributes, sigset_t& mask) noexcept {
    pthread_attr_t defaults;
    if (!attributes) {
        if (::pthread_getattr_default_np(&defaults) != 0) return false;
        attributes = &defaults;
    }
    int detach_state = PTHREAD_CREATE_JOINABLE;
    void* stack = nullptr;
    ::pthread_attr_getdetachstate(attributes, &detach_state);
    ::pthread_attr_getstacksize(attributes, &thread.stack_size);
    ::pthread_attr_getguardsize(attributes, &thread.guard_size);
    thread.detached = detach_state == PTHREAD_CREATE_DETACHED;
    if (::pthread_attr_getsigmask_np(attributes, &mask) == PTHREAD_ATTR_NO_SIGMASK_NP) {
        ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);  // its creator's
    }
    // Of one that was not set, libc gives the end, which is null, less the size.
    std::size_t size = 0;
    const bool own_stack = ::pthread_attr_getstack(attributes, &stack, &size) == 0 &&
                           reinterpret_cast<std::uintptr_t>(stack) + size != 0;
    if (attributes == &defaults) ::pthread_attr_destroy(&defaults);
    return !own_stack;
}

void run(Thread& thread) noexcept {
    first_step(thread);
    hooks::share_thread(share);
    begin_on_block();
    thread.begun = true;
    thread.stack_near = static_cast<const char*>(__builtin_frame_address(0));
    pass_cancel_on(thread);
    take_signals(thread);
    call_start(thread);
    end_on_block();
    thread_ends(thread);
}

void after_fork_in_child() noexcept { forked = true; }

}  // namespace

Thread* this_thread() noexcept { return running; }

Thread* thread_of(pthread_t thread) noexcept {
    return thread == 0 ? nullptr : record_at(reinterpret_cast<void*>(thread));
}

pthread_t handle_of(const Thread& thread) noexcept {
    return reinterpret_cast<pthread_t>(thread.block);
}

Thread& main_thread() noexcept {
    static constinit Thread thread;
    return thread;
}

void* carrier() noexcept { return main_thread().block; }

bool start_threads(std::size_t main_stack_size) {
    Thread& main = main_thread();
    main.block = thread_pointer();
    main.in_use = main.begun = true;
    main.task = coir::current_task();
    main.task_id = main.task.id();
    main.stack_size = main_stack_size;
    main.stack_near = static_cast<const char*>(__builtin_frame_address(0));
    share = hooks::thread_share();
    take_over_mask(main);
    hooks::handlers_are_for(main.task_id, &main.mask);
    running = &main;
    alive = 1;
    return ::pthread_atfork(nullptr, nullptr, &after_fork_in_child) == 0 && add_task(main) &&
           watch_switches();
}

int create_thread(pthread_t& handle, const pthread_attr_t* attributes, void* (*start)(void*),
                  void* argument) noexcept {
    Thread* const thread = new_thread();
    if (!thread) return EAGAIN;
    thread->start = start;
    thread->argument = argument;
    // Who has given itself no name has that of the process.
    std::memcpy(thread->name, this_thread()->name, sizeof thread->name);
    sigset_t mask;
    if (!understand(*thread, attributes, mask)) {
        put_back(*thread);
        return EINVAL;
    }
    try {
        coir::TaskOptions options;
        options.stack_size = thread->stack_size + thread->guard_size;
        thread->task = coir::spawn_detached(options, [thread] { run(*thread); });
    } catch (const std::exception&) {  // no memory for a stack
        put_back(*thread);
        return EAGAIN;
    }
    thread->task_id = thread->task.id();
    begin_mask(*thread, mask);
    await_first_step();
    ++alive;
    handle = handle_of(*thread);
    if (!add_task(*thread)) std::terminate();  // not even a table: it would have been the first one
    return 0;
}

void call_start(Thread& thread) noexcept {
    __pthread_unwind_buf_t buffer;
    // pthread_exit() unwinds up to here, and goes on with what setjmp says then.
    if (__sigsetjmp(reinterpret_cast<struct __jmp_buf_tag*>(buffer.__cancel_jmp_buf), 0) != 0)
        return;
    __pthread_register_cancel(&buffer);
    void* const result = thread.start(thread.argument);
    __pthread_unregister_cancel(&buffer);
    thread.result = result;
}

void thread_ends(Thread& thread) noexcept {
    if (forked || --alive == 0) std::exit(0);
    thread.ended = true;
    end_mask(thread);
    last_step();
    remove_task(thread);
    if (thread.detached) {
        release(thread);
    } else if (hooks::Parking* const joiner = thread.joiner) {
        thread.joiner = nullptr;
        hooks::unpark(*joiner);
    }
}

void end_main_thread() {
    end_on_block();
    hooks::handlers_are_for(0, nullptr);
    thread_ends(main_thread());
}

void release(Thread& thread) noexcept {
    if (&thread != &main_thread()) put_back(thread);
}

}  // namespace coir_deep
