// SPDX-License-Identifier: BSL-1.0
// What a ThreadFuture shares with the loop that its task runs on. Internal; see thread_future.hpp.
//
//   pending --complete()--> value | error | cancelled      (once)
//
// Threads: any, but for what says "the loop". The lock is held for a few instructions at a time,
// never while user code runs. Lifetime: counted; one reference is the future's, one the loop's.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/intrusive_list.hpp>
#include <coir/detail/state.hpp>
#include <coir/detail/task_state.hpp>
#include <coir/time.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

/// A task that waits for another thread's result, on its own stack.
struct ThreadWaiter : ListLink, Park {
    TaskBase* task = nullptr;
    class ThreadResultBase* result = nullptr;
    bool gave_up = false;
};

class COIR_API ThreadResultBase {
public:
    ThreadResultBase(const ThreadResultBase&) = delete;
    ThreadResultBase& operator=(const ThreadResultBase&) = delete;

    void add_ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_ref() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    bool done() const noexcept { return outcome() != Outcome::pending; }
    Outcome outcome() const noexcept {
        return static_cast<Outcome>(outcome_.load(std::memory_order_acquire));
    }
    /// A request; false when it is done.
    bool cancel(std::string message);
    /// Until done. A task is suspended, and when it is cancelled the request is passed on and the
    /// wait goes on, as for a task of its own loop. A thread without a loop is blocked.
    COIR_SUSPENDS void await_done();
    /// Until done (true) or for so long. A task that is cancelled gives up, and nothing is passed on.
    COIR_SUSPENDS bool wait_for(Nanoseconds limit);
    /// The future is gone: nobody will look at the result.
    void abandon() noexcept;

protected:
    /// `home`: the loop that completes it; null for a plain thread.
    explicit ThreadResultBase(Scheduler* home) noexcept : home_(home) {}
    virtual ~ThreadResultBase();

    /// Called by cancel() while pending, with the lock held.
    virtual void cancel_requested(std::string&& message) noexcept = 0;
    /// Publishes the outcome and wakes who waits. Returns the error if nobody is there to get it.
    std::exception_ptr complete(Outcome outcome, std::exception_ptr error,
                                const std::string& message) noexcept;
    /// Done: throws what there is to throw, or takes the right to the value, which only one has.
    void claim();

    Scheduler* const home_;
    std::atomic<std::uint32_t> lock_{0};

private:
    bool join_queue(ThreadWaiter& waiter) noexcept;
    bool leave_queue(ThreadWaiter& waiter) noexcept;
    void suspend(ThreadWaiter& waiter);
    bool block(Nanoseconds limit);
    static void pass_cancel_on(Park& park, TaskBase& task) noexcept;
    static void give_up(Park& park, TaskBase& task) noexcept;

    std::atomic<std::uint32_t> references_{2};
    std::atomic<std::uint32_t> outcome_{0};  // an Outcome; what blocked threads sleep on
    std::atomic<bool> taken_{false};
    // These with the lock, or once done.
    bool abandoned_ = false;
    std::uint32_t sleepers_ = 0;
    IntrusiveList<ThreadWaiter> waiters_;
    std::exception_ptr error_;
    std::string cancel_message_;
};

/// A call that is on its way to a loop, and then a task there.
///
///   queued --the loop gets to it--> running --the task ends--> done
///      `--cancel(), or the loop is closed--> done
class COIR_API RemoteCall : public ThreadResultBase, private ReadyEntry {
public:
    /// Sends it on its way. Throws std::logic_error when the loop is closed.
    void post();
    /// The loop: the task has ended.
    void task_ended(const TaskBase& task, Outcome outcome, std::exception_ptr error) noexcept;
    /// The loop: it is closed, and the task will never run again.
    void task_left_behind() noexcept;

protected:
    explicit RemoteCall(Scheduler& loop) noexcept;
    ~RemoteCall() override;
    /// The loop: makes the callable into a task; null when it has ended already (an eager one).
    virtual TaskBase* start_task() = 0;
    /// Destroys the callable, if it has not become a task.
    virtual void drop_callable() noexcept = 0;

private:
    static void arrive(ReadyEntry& entry) noexcept;
    void start();
    void deliver_cancel() noexcept;
    void fail(std::exception_ptr error) noexcept;
    void cancel_requested(std::string&& message) noexcept override;

    TaskBase* task_ = nullptr;  // the loop's
    ContextSlot variables_;     // a copy of the caller's, for the task
    // These with the lock.
    bool started_ = false;
    bool cancel_asked_ = false;
    bool cancel_posted_ = false;
    std::string cancel_reason_;
};

/// With room for the result, which the task constructs there and one reader takes out.
template <class T>
class RemoteResult : public RemoteCall {
public:
    T take() {
        claim();
        if constexpr (std::is_void_v<T>) {
            return;
        } else if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(slot_.get());
        } else {
            return std::move(slot_.get());
        }
    }
    ResultSlot<T>& slot() noexcept { return slot_; }

protected:
    using RemoteCall::RemoteCall;
    ~RemoteResult() override {
        if (outcome() == Outcome::value) slot_.destroy();
    }

private:
    ResultSlot<T> slot_;
};

/// What the task of a remote call runs.
template <class T, class F>
struct RemoteBody {
    F f;
    RemoteResult<T>* result;
    void operator()() {
        if constexpr (std::is_void_v<T>) {
            std::invoke(std::move(f));
            result->slot().emplace();
        } else {
            result->slot().emplace(std::invoke(std::move(f)));
        }
    }
};

template <class T, class F>
class RemoteTask final : public TaskImpl<void, RemoteBody<T, F>> {
    using Base = TaskImpl<void, RemoteBody<T, F>>;

public:
    RemoteTask(Scheduler& scheduler, RemoteResult<T>& call, F&& f)
        : Base(scheduler, RemoteBody<T, F>{std::move(f), &call}),
          call_(StateRef<RemoteResult<T>>::share(&call)) {}
    static RemoteTask* adopt(RemoteTask* task, std::uint16_t block_class) noexcept {
        task->set_block_class(block_class);
        return task;
    }

private:
    ~RemoteTask() override = default;
    void finished() noexcept override {
        this->mark_retrieved();
        const auto call = std::move(call_);
        call->task_ended(*this, this->outcome(), std::move(this->error_));
    }
    void left_behind() noexcept override { call_->task_left_behind(); }

    StateRef<RemoteResult<T>> call_;
};

template <class T, class F>
class RemoteCallOf final : public RemoteResult<T> {
public:
    template <class G>
    RemoteCallOf(Scheduler& loop, G&& f) : RemoteResult<T>(loop), f_(std::forward<G>(f)) {}

private:
    ~RemoteCallOf() override = default;
    TaskBase* start_task() override {
        auto* task = make_state<RemoteTask<T, F>>(*this->home_, *this, std::move(*f_));
        const auto handle = StateRef<TaskBase>::adopt(task);
        f_.reset();
        spawn(*task, nullptr);
        return handle->done() ? nullptr : task;
    }
    void drop_callable() noexcept override { f_.reset(); }

    std::optional<F> f_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
