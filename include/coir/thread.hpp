// SPDX-License-Identifier: BSL-1.0
// Blocking work on other threads.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/handle.hpp>

#include <functional>
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
/// `f` takes a std::stop_token first, it learns of the cancellation. At most
/// RunOptions::max_threads calls run at a time. std::system_error: no thread could be started.
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

}  // namespace v0
}  // namespace coir
