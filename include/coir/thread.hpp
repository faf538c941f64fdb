// SPDX-License-Identifier: BSL-1.0
// Blocking work on other threads, and the way back from there.
//
// Threads: to_thread() and run_in_executor() on a loop, from_thread::run() anywhere else. Behaviour:
// asyncio.to_thread and loop.run_in_executor, anyio.from_thread.run.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/executor_call.hpp>
#include <coir/detail/from_thread.hpp>
#include <coir/detail/handle.hpp>
#include <coir/error.hpp>
#include <coir/future.hpp>
#include <coir/thread_future.hpp>
#include <coir/thread_pool.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

/// Calls `work(argument)` on the loop's pool and suspends the current task until it has returned.
/// `on_cancel(argument)` is called on the loop when the task is cancelled while the work runs.
/// Throws CancelledError when the work had not begun; otherwise the work's own exception.
COIR_API COIR_SUSPENDS void call_on_pool(void (*work)(void*), void (*on_cancel)(void*) noexcept,
                                         void* argument);

template <class F, class... Args>
concept TakesStopToken = std::is_invocable_v<F, std::stop_token, Args...>;

template <class Result, class Call>
struct PoolCall {
    Call call;
    std::optional<std::stop_source> stop;
    std::optional<ValueOf<Result>> result;
    static void work(void* argument) {
        auto& self = *static_cast<PoolCall*>(argument);
        if constexpr (std::is_void_v<Result>) {
            self.call(self.stop);
        } else if constexpr (std::is_reference_v<Result>) {
            static_assert(!std::is_reference_v<Result>,
                          "coir: to_thread cannot return a reference; return a pointer or a value");
        } else {
            self.result.emplace(self.call(self.stop));
        }
    }
    static void cancel(void* argument) noexcept {
        auto& self = *static_cast<PoolCall*>(argument);
        if (self.stop) self.stop->request_stop();
    }
};

}  // namespace detail

/// Runs `f(args...)` on a pool thread, suspends the calling task meanwhile, and returns its result
/// or throws its exception. Nothing is copied: the call may use the task's stack, so that a task
/// that is cancelled waits until a running call has returned (and then gets the call's result, with
/// the cancellation pending); a call that had not begun is withdrawn, and CancelledError thrown. If
/// `f` takes a std::stop_token first, it learns of the cancellation. `f` sees the caller's context
/// variables; what it sets is not seen by the caller. At most RunOptions::max_threads calls run at a
/// time, on threads that EventLoop::close() joins. QueueFull: RunOptions::max_queued_jobs wait
/// already. std::system_error: no thread could be started.
template <class F, class... Args>
COIR_SUSPENDS auto to_thread(F&& f, Args&&... args) {
    if constexpr (detail::TakesStopToken<F, Args...>) {
        using Result = std::invoke_result_t<F, std::stop_token, Args...>;
        auto call = [&](std::optional<std::stop_source>& stop) -> Result {
            return std::invoke(std::forward<F>(f), stop->get_token(), std::forward<Args>(args)...);
        };
        detail::PoolCall<Result, decltype(call)> job{std::move(call), std::stop_source(), {}};
        detail::call_on_pool(&job.work, &job.cancel, &job);
        if constexpr (!std::is_void_v<Result>) return std::move(*job.result);
    } else {
        using Result = std::invoke_result_t<F, Args...>;
        auto call = [&](std::optional<std::stop_source>&) -> Result {
            return std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
        };
        detail::PoolCall<Result, decltype(call)> job{std::move(call), {}, {}};
        detail::call_on_pool(&job.work, nullptr, &job);
        if constexpr (!std::is_void_v<Result>) return std::move(*job.result);
    }
}

/// Has `executor` run `f()` (decay-copied; with a std::stop_token, if it takes one), and returns a
/// future of the running loop for the result. Never suspends. Cancelling the future takes a call
/// back that has not begun; one that runs is asked to stop by its token and goes on, and what comes
/// of it is dropped. The same happens at the end of the loop to what is still outside. `f` and the
/// result are destroyed on the loop, or by the executor's thread when the loop is closed by then.
/// Throws what Executor::submit() throws (ThreadPool: QueueFull, InvalidStateError after shutdown()),
/// std::logic_error when no loop runs here, std::invalid_argument for an empty function.
template <class F>
auto run_in_executor(Executor& executor, F&& f) {
    using Fn = std::decay_t<F>;
    detail::require_callable(f);
    const auto send = [&]<class Result>(std::type_identity<Result>) {
        static_assert(!std::is_reference_v<Result>,
                      "coir: run_in_executor cannot return a reference; return a pointer or a value");
        detail::Scheduler& scheduler = detail::running_scheduler("run_in_executor");
        Future<Result> future = detail::new_future<Result>(scheduler);
        detail::send_to_executor(executor, scheduler,
                                 std::make_unique<detail::ExecutorCallOf<Result, Fn>>(
                                     future.ref_state(), std::forward<F>(f)));
        return future;
    };
    if constexpr (std::is_invocable_v<Fn, std::stop_token>) {
        return send(std::type_identity<std::invoke_result_t<Fn, std::stop_token>>());
    } else {
        return send(std::type_identity<std::invoke_result_t<Fn>>());
    }
}

namespace from_thread {

/// From a thread without a loop, such as one that runs a to_thread() call: runs `f()` as a task of
/// `loop`, blocks until that has ended, and returns its result or throws its exception. Nothing is
/// copied. When the task that waits for the to_thread() call is cancelled, so is `f`'s task, and
/// CancelledError is thrown here (at once when it was cancelled before); let it pass, and it becomes
/// the end of that task. TaskCancelledError: somebody else cancelled it. std::logic_error on a
/// thread that runs a loop, which would wait for itself, and when `loop` is closed.
template <class F>
auto run(EventLoop& loop, F&& f) -> std::invoke_result_t<F> {
    using Result = std::invoke_result_t<F>;
    detail::require_callable(f);
    detail::FromThread from;
    auto future = run_task_threadsafe(loop, [&]() -> Result {
        const detail::FromThread::OnLoop on_loop(from);
        return std::invoke(std::forward<F>(f));
    });
    from.waits_for(future.base());
    try {
        return future.get();
    } catch (const TaskCancelledError&) {
        from.throw_if_cancelled();
        throw;
    }
}

}  // namespace from_thread

}  // namespace v0
}  // namespace coir
