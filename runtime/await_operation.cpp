// SPDX-License-Identifier: BSL-1.0
// Where tasks and reactors meet: carrying out an operation for the current task.
//
//   new --try_now()--> done
//   new --submit()--> in flight --complete()--> done
//             `--cancel(): asked--> in flight        (it still completes; a result beats the cancel)
//
// The task goes on only after the completion: until then the kernel may write into its stack.
#include "scheduler.hpp"
#include "task_operation.hpp"
#include "thread_pool.hpp"

#include "../reactors/registry.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

void ask_to_cancel(Park& park, TaskBase& task) noexcept {
    auto& operation = static_cast<TaskOperation&>(park);
    if (operation.cancel_asked) return;
    operation.cancel_asked = true;
    task.scheduler().reactor().cancel(operation);
}

// The hot end of the waiting stack: with very many tasks it is in no near cache any more, and one
// switch ahead, when its task is next, is too late to ask for it.
void prefetch_frames(const TaskOperation& operation) noexcept {
    constexpr std::uintptr_t line = 64;
    const auto at = reinterpret_cast<std::uintptr_t>(&operation);
    for (std::uintptr_t i = 0; i < 8; ++i) {
        __builtin_prefetch(reinterpret_cast<const void*>(at + i * line - 2 * line));
    }
}

void complete_task_operation(Operation& completed) noexcept {
    auto& operation = static_cast<TaskOperation&>(completed);
    prefetch_frames(operation);
    Scheduler& scheduler = operation.task->scheduler();
    operation.done = true;
    scheduler.operation_ended();
    scheduler.make_ready(*operation.task);
}

}  // namespace

// await path 2/7: asked to cancel? done at once? else hand over, suspend, and look at the result.
std::int32_t Scheduler::perform(TaskOperation& operation, const char* what) {
    TaskBase& self = this_task(what);
    self.check_cancelled();
    if (!reactor_->supports(operation.code)) return perform_in_pool(operation, what);
    if (reactor_->try_now(operation)) {
        operation.route = Route::immediate;
        spend_credit();
        return operation.result;
    }
    operation.complete = &complete_task_operation;
    operation.task = &self;
    operation.what = what;
    operation.Park::cancel = &ask_to_cancel;
    operation_started();
    reactor_->submit(operation);  // await path 3/7 is in the reactor
    suspend(operation);
    if (operation.result == -ECANCELED && self.cancel_pending() && !self.masked()) {
        self.throw_cancelled();
    }
    // Readiness says nothing about files: what is not in the page cache is read by a thread.
    if (operation.result == -EAGAIN && operation.route == Route::pool) [[unlikely]] {
        return perform_in_pool(operation, what);
    }
    return operation.result;
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
