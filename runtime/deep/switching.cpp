// SPDX-License-Identifier: BSL-1.0
// See switching.hpp, and the head of threads.hpp for why it is right.
#include "switching.hpp"

#include "signal_masks.hpp"
#include "thread_pointer.hpp"
#include "tls_block.hpp"

#include <cstdlib>

namespace coir_deep {
namespace {

// Threads by the numbers of their tasks, which go up: a table of lists.
struct TaskTable {
    Thread** buckets = nullptr;
    std::size_t size = 0;  // a power of two
    std::size_t count = 0;

    Thread*& bucket(std::uint64_t task) noexcept { return buckets[task & (size - 1)]; }

    bool grow() noexcept {
        const std::size_t larger = size == 0 ? 64 : size * 2;
        auto** const made = static_cast<Thread**>(std::calloc(larger, sizeof(Thread*)));
        if (!made) return size != 0;  // long lists are still right
        for (std::size_t i = 0; i < size; ++i) {
            while (Thread* const thread = buckets[i]) {
                buckets[i] = thread->next;
                Thread*& to = made[thread->task_id & (larger - 1)];
                thread->next = to;
                to = thread;
            }
        }
        std::free(buckets);
        buckets = made;
        size = larger;
        return true;
    }
};
constinit TaskTable tasks;

// Threads that have not begun.
constinit std::size_t not_begun = 0;

void put_in_place(void* block) noexcept {
    if (thread_pointer() != block) set_thread_pointer(block);
}

Thread* thread_of_task(std::uint64_t task) noexcept {
    Thread* thread = tasks.bucket(task);
    while (thread && thread->task_id != task) thread = thread->next;
    return thread;
}

// The block in place is the thread's that is left.
void leave(void*) noexcept {
    if (Thread* const thread = this_thread()) thread->saved_errno = errno_of(thread->block);
    if (not_begun != 0) put_in_place(carrier());
    put_idle_mask_in_place();
}

// The block in place is whoever's.
void go_on(void*) noexcept {
    Thread* const thread = thread_of_task(hooks::task_id());
    if (!thread) return put_in_place(carrier());
    put_in_place(thread->block);
    put_mask_in_place(*thread);
    errno_of(thread->block) = thread->saved_errno;
}

}  // namespace

bool watch_switches() noexcept { return hooks::add_switch_hook(&leave, &go_on, &tasks); }

bool add_task(Thread& thread) noexcept {
    if (tasks.count >= tasks.size && !tasks.grow()) return false;
    ++tasks.count;
    Thread*& bucket = tasks.bucket(thread.task_id);
    thread.next = bucket;
    bucket = &thread;
    return true;
}

void remove_task(Thread& thread) noexcept {
    Thread** link = &tasks.bucket(thread.task_id);
    while (*link != &thread) link = &(*link)->next;
    *link = thread.next;
    thread.next = nullptr;
    --tasks.count;
}

void await_first_step() noexcept { ++not_begun; }

void first_step(Thread& thread) noexcept {
    --not_begun;
    put_in_place(thread.block);
    put_mask_in_place(thread);
}

void last_step() noexcept {
    put_in_place(carrier());
    put_idle_mask_in_place();
}

}  // namespace coir_deep
