// SPDX-License-Identifier: BSL-1.0
// gather: several jobs at once, their results in order. shield: keep a cancellation away.
//
// A job is a callable without parameters (which becomes a task), a Task or a Future; kinds may be
// mixed. Behaviour: asyncio.gather, but structured: when one job fails, the others are cancelled and
// waited for before the error is thrown, and cancelling the caller cancels the jobs.
#pragma once

#include <coir/await.hpp>
#include <coir/detail/join.hpp>
#include <coir/detail/wait_queue.hpp>
#include <coir/future.hpp>
#include <coir/task.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

template <class X>
concept Handle = requires(const std::remove_cvref_t<X>& x) {
    x.ref_state();
    x.done();
    typename std::remove_cvref_t<X>::ResultType;
};

/// The handle of a job: itself, or a new task's.
template <class Job>
auto job_handle(Job&& job) {
    if constexpr (Handle<Job>) {
        return std::remove_cvref_t<Job>(std::forward<Job>(job));
    } else {
        static_assert(std::is_invocable_v<std::decay_t<Job>&>,
                      "coir: a job is a callable without parameters, a Task or a Future");
        return create_task(std::forward<Job>(job));
    }
}

template <class Job>
using JobHandle = decltype(job_handle(std::declval<Job>()));
template <class Job>
using JobResult = typename JobHandle<Job>::ResultType;

template <class H>
auto joined_value(H& handle) -> ValueOf<typename H::ResultType> {
    using T = typename H::ResultType;
    handle.state().throw_unless_value(true);
    if constexpr (std::is_void_v<T>) {
        return std::monostate{};
    } else {
        return take_value<T>(handle.state(), true);
    }
}

}  // namespace detail

/// Runs all jobs and returns their results in the order of the arguments, void ones as
/// std::monostate. The first failure cancels and joins the rest and is thrown; errors that the
/// others have then are dropped. Cancelling the caller cancels and joins all. Without jobs: returns
/// at once. Throws WrongThreadError for jobs of another loop.
template <class... Jobs>
    requires(sizeof...(Jobs) != 1 || !(std::ranges::range<std::remove_cvref_t<Jobs>> && ...))
COIR_SUSPENDS auto gather(Jobs&&... jobs)
    -> std::tuple<detail::ValueOf<detail::JobResult<Jobs>>...> {
    static_cast<void>(detail::enter_suspension_point("gather"));
    (
        [&] {
            if constexpr (detail::Handle<Jobs>) detail::require_same_loop(jobs.state(), "gather");
        }(),
        ...);
    // Braces: created in the order of the arguments.
    std::tuple<detail::JobHandle<Jobs>...> handles{detail::job_handle(std::forward<Jobs>(jobs))...};
    return std::apply(
        [](auto&... handle) {
            std::array<detail::JoinedChild, sizeof...(handle)> children;
            std::size_t at = 0;
            ((children[at++].state = &handle.state()), ...);
            detail::join_all(children.data(), children.size());
            return std::tuple<detail::ValueOf<detail::JobResult<Jobs>>...>{
                detail::joined_value(handle)...};
        },
        handles);
}

/// The same for a range of jobs of one type.
template <std::ranges::input_range Range>
COIR_SUSPENDS auto gather(Range&& jobs)
    -> std::vector<detail::ValueOf<detail::JobResult<std::ranges::range_value_t<Range>>>> {
    static_cast<void>(detail::enter_suspension_point("gather"));
    using Job = std::ranges::range_value_t<Range>;
    std::vector<detail::JobHandle<Job>> handles;
    for (auto&& job : jobs) {
        if constexpr (detail::Handle<Job>) detail::require_same_loop(job.state(), "gather");
        if constexpr (std::is_lvalue_reference_v<Range>) {
            handles.push_back(detail::job_handle(job));
        } else {
            handles.push_back(detail::job_handle(std::move(job)));
        }
    }
    auto children = std::make_unique<detail::JoinedChild[]>(handles.size());
    for (std::size_t i = 0; i < handles.size(); ++i) children[i].state = &handles[i].state();
    detail::join_all(children.get(), handles.size());
    std::vector<detail::ValueOf<detail::JobResult<Job>>> results;
    results.reserve(handles.size());
    for (auto& handle : handles) results.push_back(detail::joined_value(handle));
    return results;
}

/// A future that follows `job` and can be cancelled without cancelling it. While the job runs on,
/// its error is the business of whoever else awaits it; if nobody does, it is reported as never
/// retrieved. A done job's future is done.
template <class Job>
auto shield(Job&& job) -> Future<detail::JobResult<Job>> {
    using T = detail::JobResult<Job>;
    auto inner = detail::job_handle(std::forward<Job>(job));
    detail::require_same_loop(inner.state(), "shield");
    Future<T> outer = create_future<T>();
    auto follow = [inner, outer] {
        if (outer.done()) return;
        auto& state = inner.state();
        switch (state.outcome()) {
            case detail::Outcome::cancelled:
                outer.cancel(state.cancel_message());
                break;
            case detail::Outcome::error:
                state.mark_retrieved();
                outer.set_exception(state.error());
                break;
            default:
                if constexpr (std::is_void_v<T>) {
                    outer.set_result();
                } else {
                    outer.set_result(detail::take_value<T>(state, false));
                }
        }
    };
    if (inner.done()) {
        follow();
        return outer;
    }
    const CallbackId following = inner.add_done_callback(follow);
    // A cancelled outer future leaves nothing behind on a long-lived job.
    outer.add_done_callback([inner, following] { inner.remove_done_callback(following); });
    return outer;
}

}  // namespace v0
}  // namespace coir
