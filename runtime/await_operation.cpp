// SPDX-License-Identifier: BSL-1.0
// Where tasks and reactors meet: carrying out an operation for the current task.
//
//   new --begin()--> done
//   new --begin()--> in flight --complete()--> done
//             `--cancel(): asked--> in flight        (it still completes; a result beats the cancel)
//
// The task goes on only after the completion: until then the kernel may write into its stack.
#include "carry_out.hpp"
#include "thread_pool.hpp"

#include "../reactors/registry.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>

namespace coir {
inline namespace v0 {
namespace detail {

void cancel_task_operation(Park& park, TaskBase& task) noexcept {
    auto& operation = static_cast<TaskOperation&>(park);
    if (operation.cancel_asked) return;
    operation.cancel_asked = true;
    task.scheduler().reactor().cancel(operation);
}

[[gnu::hot]] void complete_task_operation(Operation& completed) noexcept {
    auto& operation = static_cast<TaskOperation&>(completed);
    operation.task->scheduler().finish_operation(operation);
}

std::int32_t Scheduler::perform(TaskOperation& operation, const char* what) {
    TaskBase& self = this_task(what);
    self.check_cancelled();
    if (!reactor_->supports(operation.code)) return perform_in_pool(operation, what);
    return carry_out(operation, self, what);
}

std::int32_t Scheduler::look_at_failure(TaskOperation& operation, const char* what) {
    TaskBase& self = *operation.task;
    if (operation.result == -ECANCELED && self.cancel_pending() && !self.masked()) {
        self.throw_cancelled();
    }
    // Readiness says nothing about files: what is not in the page cache is read by a thread.
    if (operation.result == -EAGAIN && operation.route == Route::pool) [[unlikely]] {
        return perform_in_pool(operation, what);
    }
    return operation.result;
}

// Makes ready whoever waited for what has completed.                         // await path 7/7
[[gnu::hot]] void Scheduler::deliver(CompletionList& completions) noexcept {
    for (Operation* operation = completions.take(); operation;) {
        Operation* next = operation->next;
        if (operation->complete == &complete_task_operation) [[likely]] {
            finish_operation(static_cast<TaskOperation&>(*operation));
        } else {
            operation->complete(*operation);
        }
        operation = next;
    }
    if (completions.events().empty()) return;
    for (const CompletionList::Pending& pending : completions.events()) {
        pending.source->event(*pending.source, pending.event);
    }
    completions.events().clear();
}

std::int32_t Scheduler::perform_in_pool(TaskOperation& operation, const char* what) {
    operation.route = Route::pool;
    make_calls_in_pool(
        *this, [&] { operation.result = perform_blocking(operation, *sys_); }, what);
    return operation.result;
}

void Scheduler::fd_closing(int fd) noexcept {
    if (fd_watches_) [[unlikely]] fd_watches_->closing(fd);
    reactor_->fd_closing(fd);
}

FdWatches& Scheduler::fd_watches() {
    if (!fd_watches_) fd_watches_ = std::make_unique<FdWatches>(*this);
    return *fd_watches_;
}

LoopHooks& Scheduler::hooks() {
    if (!hooks_) hooks_ = std::make_unique<LoopHooks>();
    return *hooks_;
}

bool Scheduler::unwatch(int fd, FdSide side) const noexcept {
    return fd_watches_ && fd_watches_->remove(fd, side);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
