// SPDX-License-Identifier: BSL-1.0
// C++20 coroutines and tasks, both ways: `co_await` a Task or a Future in a coroutine, `coir::await()` a
// coroutine (or whatever else can be co_awaited) in a task, and Future<T> as what a coroutine returns.
//
// A task waits anywhere, however deep in its calls; a coroutine only where it says co_await. Use tasks for what
// calls other code, and this header to meet code that is written as coroutines.
//
// Where a coroutine runs: until it first waits, in whoever called it. After a co_await of a Task or Future it
// is the loop that goes on with it, by a callback: not in a task, so that it may co_await, but neither await()
// nor call what suspends (std::logic_error).
#pragma once

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/future.hpp>
#include <coir/task.hpp>
#include <coir/thread_future.hpp>
#include <coir/timeout.hpp>

#ifndef __cpp_impl_coroutine
#error "<coir/interop/coroutine.hpp> needs a compiler with C++20's coroutines: g++ 10, clang 14, or newer"
#endif
#include <coroutine>
#include <exception>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {

namespace detail {

/// What `co_await` of a handle waits with. The coroutine must be destroyed on the loop's thread; when that
/// happens while it waits here, nothing goes on with it.
template <class Handle>
class HandleAwaiter {
public:
    explicit HandleAwaiter(Handle handle) noexcept : handle_(std::move(handle)) {}
    HandleAwaiter(const HandleAwaiter&) = delete;
    HandleAwaiter& operator=(const HandleAwaiter&) = delete;
    ~HandleAwaiter() {
        if (waits_) handle_.remove_done_callback(callback_);
    }

    bool await_ready() const { return handle_.done(); }
    void await_suspend(std::coroutine_handle<> coroutine) {
        callback_ = handle_.add_done_callback([this, coroutine] {
            waits_ = false;
            coroutine.resume();
        });
        waits_ = true;
    }
    typename Handle::ResultType await_resume() {
        try {
            return std::move(handle_).result();
        } catch (const CancelledError& cancelled) {
            throw TaskCancelledError(cancelled.message());
        }
    }

private:
    Handle handle_;
    CallbackId callback_ = 0;
    bool waits_ = false;
};

template <class X>
concept Awaiter = requires(X& x) {
    x.await_ready();
    x.await_resume();
};

/// What a co_await of an X asks: a member operator, a free one, or X itself.
template <class X>
decltype(auto) awaiter_of(X&& x) {
    if constexpr (requires { std::forward<X>(x).operator co_await(); }) {
        return std::forward<X>(x).operator co_await();
    } else if constexpr (requires { operator co_await(std::forward<X>(x)); }) {
        return operator co_await(std::forward<X>(x));
    } else {
        return std::forward<X>(x);
    }
}

template <class X>
inline constexpr bool is_of_one_loop = false;
template <class T>
inline constexpr bool is_of_one_loop<Task<T>> = true;
template <class T>
inline constexpr bool is_of_one_loop<Future<T>> = true;

// These have an await() of their own.
template <class X>
inline constexpr bool is_handle = is_of_one_loop<X>;
template <class T>
inline constexpr bool is_handle<ThreadFuture<T>> = true;

template <class X>
concept Awaitable = !is_handle<std::remove_cvref_t<X>> && requires(X&& x) {
    { detail::awaiter_of(std::forward<X>(x)) } -> Awaiter;
};

template <class T>
struct KeptResult {
    using Type = T;
};
template <class T>
struct KeptResult<T&&> {
    using Type = T;  // what it refers to may be gone when the task runs
};
template <class X>
using AwaitedBy =
    typename KeptResult<decltype(detail::awaiter_of(std::declval<X>()).await_resume())>::Type;

/// A coroutine that nobody waits for.
struct Detached {
    struct promise_type {
        Detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
    };
};

/// Where the outcome of an awaitable is left for the task that waits for it, on whose stack this is.
template <class Result>
struct AwaitedOutcome {
    std::optional<StoredValue<Result>> value;
    std::exception_ptr error;
    EventLoop& loop = get_running_loop();
    const std::thread::id thread = std::this_thread::get_id();
    const Future<void> done = create_future<void>();

    /// On any thread.
    void finish() {
        if (std::this_thread::get_id() == thread) return done.set_result();
        loop.call_soon_threadsafe([this] { done.set_result(); });
    }
};

template <class X, class Result>
Detached bring(X&& awaitable, AwaitedOutcome<Result>& outcome) {
    try {
        if constexpr (std::is_void_v<Result>) {
            co_await std::forward<X>(awaitable);
        } else {
            outcome.value.emplace(co_await std::forward<X>(awaitable));
        }
    } catch (...) {
        outcome.error = std::current_exception();
    }
    outcome.finish();
}

/// A coroutine that returns a Future: begins at once, in its caller.
template <class T>
struct FuturePromiseBase {
    const Future<T> future = create_future<T>();

    Future<T> get_return_object() const { return future; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void unhandled_exception() const {
        try {
            throw;
        } catch (const CancelledError& cancelled) {
            future.cancel(cancelled.message());
        } catch (...) {
            if (!future.done()) future.set_exception(std::current_exception());
        }
    }
};
template <class T>
struct FuturePromise : FuturePromiseBase<T> {
    template <class U = T>
        requires std::is_convertible_v<U&&, T>
    void return_value(U&& value) const {
        this->future.try_set_result(std::forward<U>(value));
    }
};
template <>
struct FuturePromise<void> : FuturePromiseBase<void> {
    void return_void() const { future.try_set_result(); }
};

}  // namespace detail

/// In a coroutine on the loop's thread: waits until it is done, and is its value (a copy; of an rvalue that is the
/// last handle, moved) or throws its exception. TaskCancelledError: it was cancelled. A coroutine cannot be
/// cancelled: the Task or Future can. WrongThreadError on another thread than the loop's.
template <class X>
    requires detail::is_of_one_loop<std::remove_cvref_t<X>>
auto operator co_await(X&& x) {
    return detail::HandleAwaiter<std::remove_cvref_t<X>>(std::forward<X>(x));
}

/// In a task: suspends it until `awaitable`, a coroutine or anything else that can be co_awaited, is done, and
/// returns what co_await would, or throws it. It may be done on any thread; what it is then resumed by must not
/// outlive the loop. Nothing can be told to a coroutine: a task that is cancelled meanwhile waits for
/// the end all the same, and is cancelled at its next cancellation point.
template <class X>
    requires detail::Awaitable<X>
COIR_SUSPENDS detail::AwaitedBy<X> await(X&& awaitable) {
    using Result = detail::AwaitedBy<X>;
    checkpoint();
    detail::AwaitedOutcome<Result> outcome;
    detail::bring<X, Result>(std::forward<X>(awaitable), outcome);
    no_cancel([&] { await(outcome.done); });
    if (outcome.error) std::rethrow_exception(std::move(outcome.error));
    if constexpr (std::is_reference_v<Result>) {
        return static_cast<Result>(outcome.value->get());
    } else if constexpr (!std::is_void_v<Result>) {
        return std::move(*outcome.value);
    }
}

}  // namespace v0
}  // namespace coir

/// A function that returns coir::Future<T> may be a coroutine: it begins at once, and the future gets what it
/// returns or throws. To cancel the future does not end the coroutine, whose result is dropped then.
template <class T, class... Arguments>
struct std::coroutine_traits<coir::Future<T>, Arguments...> {
    using promise_type = coir::detail::FuturePromise<T>;
};
