// SPDX-License-Identifier: BSL-1.0
// Eager tasks: the first step inside the call that creates the task.
//
// The creator waits at the head of the ready queue, ahead of everything, so that whatever ends the
// new task's step (a wait, or its end) goes on with it; nothing else runs in between. Eager tasks
// may create eager tasks: their creators stand one before the other.
#include "scheduler.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

void Scheduler::push_ready_first(ReadyEntry& entry) noexcept {
    entry.next_ready = ready_head_;
    if (!ready_head_) ready_tail_ = &entry.next_ready;
    ready_head_ = &entry;
}

// The creator may be a callback: it is then the loop's own stack that is left and returned to.
void Scheduler::start_eagerly(TaskBase& task) noexcept {
    if (debug_) [[unlikely]] check_step_time();
    ReadyEntry loop_stack;
    loop_stack.run = [](ReadyEntry&) noexcept {};  // tells it from a task; never called
    TaskBase* const creator = current_;
    ContextSlot* const context = exchange_context(nullptr);
    const std::int32_t credits = credits_;

    push_ready_first(creator ? static_cast<ReadyEntry&>(*creator) : loop_stack);
    ++eager_depth_;
    bind_stack(task);
    current_ = &task;
    if (step_watch_) [[unlikely]] step_begins(&task);
    switch_context(thread_, creator ? creator->context_ : loop_context_, task.context_);
    --eager_depth_;
    if (!creator) handed_over_ = nullptr;  // the mark

    exchange_context(context);
    // The step was a part of the creator's, which must not get new credits by creating tasks.
    credits_ = credits > 1 ? credits - 1 : 1;
    if (debug_) [[unlikely]] step_began_ = now();
    if (step_watch_ && creator) [[unlikely]] step_begins(creator);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
