// SPDX-License-Identifier: BSL-1.0
// A callable on its way to another thread's loop. See coir/detail/thread_result.hpp.
#include <coir/detail/thread_result.hpp>

#include "context.hpp"
#include "made_error.hpp"
#include <coir/detail/futex_lock.hpp>

#include <coir/error.hpp>

#include <stdexcept>

namespace coir {
inline namespace v0 {
namespace detail {

RemoteCall::RemoteCall(Scheduler& loop) noexcept : ThreadResultBase(&loop), variables_(capture_context()) {
    run = &arrive;
}
RemoteCall::~RemoteCall() = default;

void RemoteCall::post() {
    if (running_here == home_) {
        home_->push_ready(*this);  // in order with call_soon
    } else if (!home_->post_last(*this)) {
        drop_ref();  // the loop's
        throw std::logic_error("coir: run_task_threadsafe on a closed loop");
    }
}

// The queue holds a reference in either case.
void RemoteCall::arrive(ReadyEntry& entry) noexcept {
    const auto call = StateRef<RemoteCall>::adopt(static_cast<RemoteCall*>(&entry));
    if (call->started_) {
        call->deliver_cancel();
    } else {
        call->start();
    }
}

void RemoteCall::start() {
    std::string reason;
    bool cancelled = false;
    {
        const WordLock lock(lock_);
        started_ = true;
        cancelled = cancel_asked_;
        reason = std::move(cancel_reason_);
    }
    if (cancelled) {
        drop_callable();
        complete(Outcome::cancelled, nullptr, reason);
    } else if (home_->closed()) {
        drop_callable();
        fail(made_error<std::logic_error>("coir: the loop was closed before the task had begun"));
    } else {
        try {
            const InContext in(*home_, variables_);
            task_ = start_task();
        } catch (...) {
            drop_callable();
            home_->report_current("a task that another thread asked for could not be started");
            fail(std::current_exception());
        }
    }
}

void RemoteCall::fail(std::exception_ptr error) noexcept {
    complete(Outcome::error, std::move(error), {});
}

void RemoteCall::cancel_requested(std::string&& message) noexcept {
    if (!cancel_asked_) cancel_reason_ = std::move(message);
    cancel_asked_ = true;
    if (!started_ || cancel_posted_) return;
    // The entry has arrived once, and is free to go there again. The task has not ended, for that
    // takes the lock: so the loop is open, or its end will find the entry.
    add_ref();
    cancel_posted_ = home_->post_last(*this);
    if (!cancel_posted_) drop_ref();
}

void RemoteCall::deliver_cancel() noexcept {
    std::string reason;
    {
        const WordLock lock(lock_);
        cancel_asked_ = cancel_posted_ = false;
        reason = std::move(cancel_reason_);
    }
    if (task_ && !home_->closed()) task_->cancel_requested(reason);
}

void RemoteCall::task_ended(const TaskBase& task, Outcome outcome,
                            std::exception_ptr error) noexcept {
    task_ = nullptr;
    const std::exception_ptr unseen = complete(outcome, std::move(error), task.cancel_message());
    if (!unseen) return;
    try {
        home_->report({"exception in task '" + task.name() + "' was never retrieved", unseen, {}});
    } catch (const std::bad_alloc&) {
        // No memory for a report about an error.
    }
}

void RemoteCall::task_left_behind() noexcept {
    task_ = nullptr;
    fail(made_error<std::logic_error>("coir: the loop was closed although the task had not ended"));
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
