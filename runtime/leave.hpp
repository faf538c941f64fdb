// SPDX-License-Identifier: BSL-1.0
// Leaving the running task for the next one: inlined into whoever suspends where that is often.
#pragma once

#include "prefetch.hpp"
#include "scheduler.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

// What runs after the next one is known already: with many tasks, their control blocks and stacks
// are no longer in the nearest caches.
[[gnu::always_inline]] inline void Scheduler::prefetch(const ReadyEntry& coming) noexcept {
    prefetch_line(coming.next_ready);
    if (coming.run) return;
    const TaskBase& task = static_cast<const TaskBase&>(coming);
    if (task.started_) {
        prefetch_line(task.context_.stack_pointer);
    } else {
        // Its callable; the reference count is in another line yet.
        prefetch_line(&task + 1);
        prefetch_line(&task);
    }
}

//                                                                            // await path 4/7
// Leaves the current task for whoever is next. What nearly always happens is done here, with no
// call but the switch, which is the last thing: a task is next, not `self`, and it is not yet time to look
// at anything else. The rare cases are calls that do not come back here, so that no register has to be kept.
[[gnu::always_inline]] inline void Scheduler::leave_current(TaskBase& self) noexcept {
    ReadyEntry* const head = ready_head_;
    if (steps_left_ <= 1 || !head || head->run) [[unlikely]] return leave_slowly(self);
    TaskBase& next = static_cast<TaskBase&>(*head);
    if (!next.started_) [[unlikely]] return leave_for_new(self);
    --steps_left_;
    ReadyEntry* const coming = head->next_ready;
    ready_head_ = coming;
    if (coming) {
        prefetch(*coming);
    } else {
        ready_tail_ = &ready_head_;
    }
    current_ = &next;
    credits_ = credits_per_step;
    switch_context(thread_, self.context_, next.context_);
}

[[gnu::always_inline]] inline void Scheduler::suspend_inline(Park& park) noexcept {
    TaskBase& self = *current_;
    self.park_ = &park;
    leave_current(self);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
