// SPDX-License-Identifier: BSL-1.0
// What run_in_executor() sends to an executor: the part that knows types. Internal; see thread.hpp.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/handle.hpp>
#include <coir/detail/state.hpp>
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

/// A callable, room for its result, and the future that is to have it.
class COIR_API ExecutorCall {
public:
    ExecutorCall() = default;
    ExecutorCall(const ExecutorCall&) = delete;
    ExecutorCall& operator=(const ExecutorCall&) = delete;
    virtual ~ExecutorCall();
    /// The executor's thread; may throw.
    virtual void work() = 0;
    /// The loop: the work is to stop.
    virtual void request_stop() noexcept = 0;
    /// The loop: the result goes to the future.
    virtual void deliver() = 0;
    virtual StateBase& future() noexcept = 0;
};

/// Hands the call to the executor; it and what it holds are destroyed on the loop, if that is open.
/// Throws what Executor::submit() throws.
COIR_API void send_to_executor(Executor& executor, Scheduler& scheduler,
                               std::unique_ptr<ExecutorCall> call);

template <class Result, class F>
class ExecutorCallOf final : public ExecutorCall {
public:
    template <class G>
    ExecutorCallOf(StateRef<FutureState<Result>> future, G&& f)
        : future_(std::move(future)), f_(std::forward<G>(f)) {}
    void work() override {
        const auto call = [&]() -> Result {
            if constexpr (std::is_invocable_v<F, std::stop_token>) {
                return std::invoke(std::move(f_), stop_.get_token());
            } else {
                return std::invoke(std::move(f_));
            }
        };
        if constexpr (std::is_void_v<Result>) {
            call();
        } else {
            result_.emplace(call());
        }
    }
    void deliver() override {
        if constexpr (std::is_void_v<Result>) {
            future_->set_value();
        } else {
            future_->set_value(std::move(*result_));
        }
    }
    void request_stop() noexcept override { stop_.request_stop(); }
    StateBase& future() noexcept override { return *future_; }

private:
    StateRef<FutureState<Result>> future_;
    F f_;
    std::stop_source stop_;  // here: what it is made of calls libc, which the library must not
    std::optional<ValueOf<Result>> result_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
