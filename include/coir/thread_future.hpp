// SPDX-License-Identifier: BSL-1.0
// Tasks that one thread starts on the loop of another, and their results on the way back.
//
// Threads: any. Behaviour: asyncio.run_coroutine_threadsafe and the concurrent.futures.Future that
// it returns, but that a ThreadFuture is like a std::future: one handle, one reader, and the result
// is moved to it, so that no two threads ever share it.
#pragma once

#include <coir/detail/callback.hpp>
#include <coir/detail/config.hpp>
#include <coir/detail/thread_result.hpp>
#include <coir/event_loop.hpp>
#include <coir/time.hpp>

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {

/// The result of a task on some loop, for any thread. Move-only. Dropping it cancels nothing; an
/// error that nobody will see then goes to that loop's exception handler (to the log, when the task
/// has ended by then). A value that nobody takes is destroyed with the last of the future and the
/// task, on either's thread.
template <class T>
class ThreadFuture {
public:
    using ResultType = T;

    /// Empty: any use but assignment throws InvalidStateError.
    ThreadFuture() noexcept = default;
    ThreadFuture(ThreadFuture&&) noexcept = default;
    ThreadFuture& operator=(ThreadFuture&& other) noexcept {
        if (this != &other) {
            abandon();
            result_ = std::move(other.result_);
        }
        return *this;
    }
    ~ThreadFuture() { abandon(); }

    /// True for a future that refers to something.
    explicit operator bool() const noexcept { return static_cast<bool>(result_); }
    bool done() const { return result().done(); }
    bool cancelled() const { return result().outcome() == detail::Outcome::cancelled; }

    /// Asks the task to end with CancelledError at its next suspension point, as Task::cancel does;
    /// one that has not begun never will. Never waits. False when it is done already. Several
    /// requests that the loop has not seen yet count as one.
    bool cancel(std::string message = {}) const { return result().cancel(std::move(message)); }

    /// Waits until it is done, and moves the value out or throws the exception; the next call throws
    /// InvalidStateError. TaskCancelledError: the task was cancelled.
    ///
    /// In a task it is await(): the task is suspended, and when it is cancelled the task over there
    /// is, too, and is waited for (a result that comes all the same is returned, and the
    /// cancellation stays pending). On a thread without a loop it blocks. In a callback of a running
    /// loop, and on the thread of a loop that stands still and would have to run the task, it throws
    /// std::logic_error.
    COIR_SUSPENDS T get() {
        const auto kept = ref_result();
        kept->await_done();
        return kept->take();
    }
    /// Waits until it is done, and leaves the result where it is. A task that is cancelled while it
    /// waits here leaves the other one alone. Otherwise as get().
    COIR_SUSPENDS void wait() const { ref_result()->wait_for(Nanoseconds::max()); }
    /// The same for a limited time; says whether it is done. In a task by the clock of its loop.
    template <class Rep, class Period>
    COIR_SUSPENDS bool wait_for(std::chrono::duration<Rep, Period> limit) const {
        return ref_result()->wait_for(to_nanoseconds(limit));
    }

    // Internal.
    detail::ThreadResultBase& base() const { return result(); }
    explicit ThreadFuture(detail::StateRef<detail::RemoteResult<T>> result) noexcept
        : result_(std::move(result)) {}

private:
    detail::RemoteResult<T>& result() const {
        if (!result_) [[unlikely]] detail::throw_empty_handle();
        return *result_;
    }
    detail::StateRef<detail::RemoteResult<T>> ref_result() const {
        return detail::StateRef<detail::RemoteResult<T>>::share(&result());
    }
    void abandon() noexcept {
        if (result_) result_->abandon();
    }

    detail::StateRef<detail::RemoteResult<T>> result_;
};

/// Suspends until it is done and moves its value out, from whatever loop: ThreadFuture::get() in a
/// task. std::logic_error outside of one.
template <class T>
COIR_SUSPENDS T await(ThreadFuture<T>& x) {
    static_cast<void>(detail::require_task("await"));
    return x.get();
}
template <class T>
COIR_SUSPENDS T await(ThreadFuture<T>&& x) {
    static_cast<void>(detail::require_task("await"));
    return x.get();
}

/// Runs `f()` as a task of `loop`, which wakes it, from any thread, the loop's own included. `f` is
/// moved there and destroyed there. When no task can be made for it (StackAllocError, a move that
/// throws), the error goes to the future and to the loop's exception handler. When the loop is
/// closed before the task has begun, the future gets a std::logic_error. Throws that itself when the
/// loop is closed now, and std::invalid_argument for an empty function; then `f` is destroyed here.
template <class F>
auto run_task_threadsafe(EventLoop& loop, F&& f)
    -> ThreadFuture<std::invoke_result_t<std::decay_t<F>>> {
    using Result = std::invoke_result_t<std::decay_t<F>>;
    using Call = detail::RemoteCallOf<Result, std::decay_t<F>>;
    detail::require_callable(f);
    auto call = detail::StateRef<detail::RemoteResult<Result>>::adopt(
        new Call(loop.scheduler(), std::forward<F>(f)));
    call->post();
    return ThreadFuture<Result>(std::move(call));
}

}  // namespace v0
}  // namespace coir
