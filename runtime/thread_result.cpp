// SPDX-License-Identifier: BSL-1.0
// Waiting for another thread's result, and completing it. See coir/detail/thread_result.hpp.
#include <coir/detail/thread_result.hpp>

#include <coir/detail/futex_lock.hpp>
#include "scheduler.hpp"

#include <coir/error.hpp>
#include <coir/log.hpp>

#include <climits>
#include <ctime>
#include <stdexcept>

namespace coir {
inline namespace v0 {
namespace detail {

ThreadResultBase::~ThreadResultBase() = default;

// --- The producer's side ------------------------------------------------------------------------

std::exception_ptr ThreadResultBase::complete(Outcome outcome, std::exception_ptr error,
                                              const std::string& message) noexcept {
    std::string kept = copy_reason(message);
    std::exception_ptr unseen;
    const WordLock lock(lock_);
    if (abandoned_) {
        unseen = std::move(error);
        error = nullptr;
    }
    error_ = std::move(error);
    cancel_message_ = std::move(kept);
    outcome_.store(static_cast<std::uint32_t>(outcome), std::memory_order_release);
    if (sleepers_ > 0) futex_wake(outcome_, INT_MAX);
    // With the lock held: a waiter that is not in the queue is sure to be made ready.
    while (ThreadWaiter* waiter = waiters_.pop_front()) {
        TaskBase& task = *waiter->task;
        Scheduler& scheduler = task.scheduler();
        if (running_here == &scheduler) {
            scheduler.make_ready(task);
        } else {
            scheduler.post_last(task);
        }
    }
    return unseen;
}

bool ThreadResultBase::cancel(std::string message) {
    const WordLock lock(lock_);
    if (done()) return false;
    cancel_requested(std::move(message));
    return true;
}

void ThreadResultBase::abandon() noexcept {
    std::exception_ptr unseen;
    {
        const WordLock lock(lock_);
        abandoned_ = true;
        if (done() && !taken_.exchange(true)) unseen = std::move(error_);
    }
    if (!unseen) return;
    try {
        log(LogLevel::error,
            describe({"exception of a task on another thread was never retrieved", unseen, {}, {}}));
    } catch (const std::exception&) {
        // No memory for a report about an error.
    }
}

// --- The reader's side --------------------------------------------------------------------------

void ThreadResultBase::claim() {
    if (outcome() == Outcome::cancelled) throw TaskCancelledError(cancel_message_);
    if (taken_.exchange(true)) {
        throw InvalidStateError("coir: the result of the thread future has been taken already");
    }
    if (outcome() == Outcome::error) std::rethrow_exception(std::exchange(error_, nullptr));
}

bool ThreadResultBase::join_queue(ThreadWaiter& waiter) noexcept {
    const WordLock lock(lock_);
    if (done()) return false;
    waiters_.push_back(waiter);
    return true;
}

bool ThreadResultBase::leave_queue(ThreadWaiter& waiter) noexcept {
    const WordLock lock(lock_);
    if (!static_cast<ListLink&>(waiter).linked()) return false;  // woken: that wins
    static_cast<ListLink&>(waiter).unlink();
    waiter.gave_up = true;
    return true;
}

void ThreadResultBase::pass_cancel_on(Park& park, TaskBase& task) noexcept {
    static_cast<ThreadWaiter&>(park).result->cancel(copy_reason(task.cancel_message()));
}

void ThreadResultBase::give_up(Park& park, TaskBase& task) noexcept {
    auto& waiter = static_cast<ThreadWaiter&>(park);
    if (waiter.result->leave_queue(waiter)) task.scheduler().make_ready(task);
}

// Suspends the current task until it is made ready by complete() or has left the queue.
void ThreadResultBase::suspend(ThreadWaiter& waiter) {
    Scheduler& scheduler = waiter.task->scheduler();
    if (!join_queue(waiter)) return;
    // What another thread does takes no virtual time here, and may wake tasks that wait for nothing
    // else.
    const bool together = home_ && home_->sys().is_closed_world() && scheduler.sys().is_closed_world();
    const bool outside = home_ != &scheduler && !together;
    if (outside) scheduler.job_started();
    scheduler.suspend(waiter);
    if (outside) scheduler.job_finished();
}

void ThreadResultBase::await_done() {
    TaskBase* const self = current_task_state();
    if (!self) {
        block(Nanoseconds::max());
        return;
    }
    if (done()) {
        self->check_cancelled();
        self->scheduler().spend_credit();
        return;
    }
    // Entered with an undelivered request: the other task is cancelled, and joined.
    if (self->cancel_pending() && !self->masked()) cancel(copy_reason(self->cancel_message()));
    ThreadWaiter waiter;
    waiter.task = self;
    waiter.result = this;
    waiter.what = "a task of another thread";
    waiter.Park::cancel = &pass_cancel_on;
    suspend(waiter);
    if (outcome() == Outcome::cancelled && self->cancel_pending() && !self->masked()) {
        self->throw_cancelled();
    }
}

bool ThreadResultBase::wait_for(Nanoseconds limit) {
    TaskBase* const self = current_task_state();
    if (!self) return block(limit);
    self->check_deadlines_and_cancelled();
    Scheduler& scheduler = self->scheduler();
    if (done() || limit.count() <= 0) {
        scheduler.spend_credit();
        return done();
    }
    struct Limited : ThreadWaiter, TimerNode {
        ~Limited() { task->scheduler().disarm(*this); }
    } waiter;
    waiter.task = self;
    waiter.result = this;
    waiter.what = "a task of another thread";
    waiter.Park::cancel = &give_up;
    waiter.fire = [](TimerNode& node) noexcept {
        auto& late = static_cast<Limited&>(node);
        give_up(late, *late.task);
    };
    const TimePoint deadline = saturating_add(scheduler.now(), limit);
    if (deadline != never) scheduler.arm(waiter, deadline);
    suspend(waiter);
    if (waiter.gave_up && !done()) self->check_cancelled();
    return done();
}

// Blocks this thread, which has no running loop.
bool ThreadResultBase::block(Nanoseconds limit) {
    if (running_here) {
        throw std::logic_error(
            "coir: waiting for another thread's task in a callback would stop the loop; wait in a "
            "task");
    }
    const TimePoint deadline = saturating_add(thread_sys().now(), limit);
    {
        const WordLock lock(lock_);
        if (done()) return true;
        // While it is pending, its loop is there.
        if (home_ && home_->bound_here() && !thread_sys().is_closed_world()) {
            throw std::logic_error(
                "coir: waiting for a task of a loop that only this thread can run; run the loop");
        }
        ++sleepers_;
    }
    for (;;) {
        const Nanoseconds left = deadline == never ? Nanoseconds::max() : deadline - thread_sys().now();
        if (done() || left.count() <= 0) break;
        futex_wait(outcome_, static_cast<std::uint32_t>(Outcome::pending), left);
    }
    const WordLock lock(lock_);
    --sleepers_;
    return done();
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
