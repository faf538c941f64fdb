// SPDX-License-Identifier: BSL-1.0
// Scheduler::perform() without its rare cases, for whoever has looked already: inlined, so that a task
// that waits for a message sleeps on one frame of coir's. With many tasks each line of a stack that
// a message touches has to come from far away.
#pragma once

#include "leave.hpp"
#include "prefetch.hpp"
#include "task_operation.hpp"

#include <cerrno>

namespace coir {
inline namespace v0 {
namespace detail {

/// Operation::complete of those that tasks wait for.
void complete_task_operation(Operation& operation) noexcept;
/// Their Park::cancel.
void cancel_task_operation(Park& park, TaskBase& task) noexcept;

// The hot end of the waiting stack: with very many tasks it is in no near cache any more, and one
// switch ahead, when its task is next, is too late to ask for it.
[[gnu::always_inline]] inline void prefetch_frames(const TaskOperation& operation) noexcept {
    constexpr std::uintptr_t line = 64;
    const auto at = reinterpret_cast<std::uintptr_t>(&operation);
    for (std::uintptr_t i = 0; i < 8; ++i) {
        prefetch_line(reinterpret_cast<const void*>(at + i * line - 2 * line));
    }
}

[[gnu::always_inline]] inline void Scheduler::finish_operation(TaskOperation& operation) noexcept {
    prefetch_frames(operation);
    operation_ended();
    make_ready(*operation.task);
}

// await path 2/7: done at once? else hand over, suspend, and look at the result.
[[gnu::always_inline]] inline std::int32_t Scheduler::carry_out(TaskOperation& operation,
                                                               TaskBase& self, const char* what) {
    operation.complete = &complete_task_operation;
    operation.task = &self;
    operation.what = what;
    operation.Park::cancel = &cancel_task_operation;
    if (reactor_->begin(operation)) {  // await path 3/7 is in the reactor
        operation.route = Route::immediate;
        spend_credit();
        return operation.result;
    }
    operation_started();
    suspend_inline(operation);
    const std::int32_t result = operation.result;
    if (result >= 0) [[likely]] return result;
    if (result == -EAGAIN && (operation.hints & hint_receives_itself) != 0) [[likely]] return result;
    return look_at_failure(operation, what);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
