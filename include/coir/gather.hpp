// SPDX-License-Identifier: BSL-1.0
// gather: several jobs at once, their results in order. shield: keep a cancellation away.
//
// A job is a callable without parameters (which becomes a task), a Task or a Future; kinds may be
// mixed. Behaviour: asyncio.gather, but structured: when one job fails, the others are cancelled
// and waited for before the error is thrown, and cancelling the caller cancels the jobs.
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

namespace detail {

/// A job's handle. One that gather has started ends here at the latest: it may refer to the
/// caller's stack, which an exception unwinds when another job cannot be started.
template <class Job>
struct JoinedJob {
    JoinedJob() = default;
    explicit JoinedJob(Job&& job) : handle(job_handle(std::forward<Job>(job))) {}
    JoinedJob(JoinedJob&&) noexcept = default;
    JoinedJob& operator=(JoinedJob&&) noexcept = default;
    ~JoinedJob() {
        if constexpr (!Handle<Job>) {
            if (handle && !handle.done()) abandon(handle.state());
        }
    }
    JobHandle<Job> handle;
};

template <class... Jobs>
using GatherTuple = std::tuple<ValueOf<JobResult<Jobs>>...>;
/// Jobs are moved out of a container that is given away, and copied from everything else.
template <class Range>
using JobOf = std::conditional_t<
    std::is_lvalue_reference_v<Range> || std::ranges::view<std::remove_cvref_t<Range>>,
    std::ranges::range_reference_t<Range>, std::ranges::range_rvalue_reference_t<Range>>;

}  // namespace detail

/// Runs all jobs and returns their results in the order of the arguments, void ones as
/// std::monostate. The first failure cancels and joins the rest and is thrown; errors that the
/// others have then are dropped. A job that somebody else cancelled fails with TaskCancelledError.
/// Cancelling the caller cancels and joins all; then CancelledError is thrown, whatever the jobs
/// made of it, unless one ended with an error. Without jobs: returns at once. Throws
/// WrongThreadError for jobs of another loop, InvalidStateError for a task that gathers itself.
// The return type is deduced: clang 14 would form a declared one before it looks at `requires`.
template <class... Jobs>
    requires(sizeof...(Jobs) != 1 || !(std::ranges::range<std::remove_cvref_t<Jobs>> && ...))
COIR_SUSPENDS auto gather(Jobs&&... jobs) {
    static_cast<void>(detail::require_task("gather"));
    (
        [&] {
            if constexpr (detail::Handle<Jobs>) detail::require_same_loop(jobs.state(), "gather");
        }(),
        ...);
    // Braces: created in the order of the arguments.
    std::tuple<detail::JoinedJob<Jobs>...> joined{
        detail::JoinedJob<Jobs>(std::forward<Jobs>(jobs))...};
    return std::apply(
        [](auto&... job) {
            std::array<detail::JoinedChild, sizeof...(job)> children;
            [[maybe_unused]] std::size_t at = 0;
            ((children[at++].state = &job.handle.state()), ...);
            detail::join_all(children.data(), children.size());
            return detail::GatherTuple<Jobs...>{detail::joined_value(job.handle)...};
        },
        joined);
}

/// The same for a range of jobs of one type.
template <std::ranges::input_range Range>
COIR_SUSPENDS auto gather(Range&& jobs)
    -> std::vector<detail::ValueOf<detail::JobResult<detail::JobOf<Range>>>> {
    static_cast<void>(detail::require_task("gather"));
    using Job = detail::JobOf<Range>;
    if constexpr (detail::Handle<Job> && std::ranges::forward_range<Range>) {
        for (auto&& job : jobs) detail::require_same_loop(job.state(), "gather");
    }
    std::vector<detail::JoinedJob<Job>> joined;
    if constexpr (std::ranges::sized_range<Range>) joined.reserve(std::ranges::size(jobs));
    for (auto&& job : jobs) {
        joined.emplace_back();  // memory first: a started job must not be lost
        joined.back() = detail::JoinedJob<Job>(static_cast<Job&&>(job));
        if constexpr (detail::Handle<Job>) {
            detail::require_same_loop(joined.back().handle.state(), "gather");
        }
    }
    auto children = std::make_unique<detail::JoinedChild[]>(joined.size());
    for (std::size_t i = 0; i < joined.size(); ++i) children[i].state = &joined[i].handle.state();
    detail::join_all(children.get(), joined.size());
    std::vector<detail::ValueOf<detail::JobResult<Job>>> results;
    results.reserve(joined.size());
    for (auto& job : joined) results.push_back(detail::joined_value(job.handle));
    return results;
}

namespace detail {

/// A call that is made when this is destroyed.
template <class F>
class LastAct {
public:
    explicit LastAct(F f) : f_(std::move(f)) {}
    LastAct(LastAct&& other) noexcept
        : f_(std::move(other.f_)), armed_(std::exchange(other.armed_, false)) {}
    LastAct& operator=(LastAct&&) = delete;
    ~LastAct() {
        if (armed_) f_();
    }

private:
    F f_;
    bool armed_ = true;
};

/// Gives a future the outcome of a job that is done.
template <class T, class State>
void follow_job(State& job, const Future<T>& outer) {
    try {
        switch (job.outcome()) {
            case Outcome::cancelled:
                outer.cancel(job.cancel_message());
                break;
            case Outcome::error:
                job.mark_retrieved();
                outer.set_exception(job.error());
                break;
            default:
                job.throw_unless_value(true);  // the value may have been moved out
                if constexpr (std::is_void_v<T>) {
                    outer.set_result();
                } else {
                    outer.set_result(take_value<T>(job, false));
                }
        }
    } catch (...) {
        outer.set_exception(std::current_exception());
    }
}

}  // namespace detail

/// A future that follows `job` and can be cancelled without cancelling it. While the job runs on,
/// its error is the business of whoever else awaits it; if nobody does, it is reported as never
/// retrieved. A done job's future is done.
template <class Job>
auto shield(Job&& job) -> Future<detail::JobResult<Job>> {
    using T = detail::JobResult<Job>;
    auto inner = detail::job_handle(std::forward<Job>(job));
    detail::require_same_loop(inner.state(), "shield");
    Future<T> outer = create_future<T>();
    if (inner.done()) {
        detail::follow_job<T>(inner.state(), outer);
        return outer;
    }
    // Neither callback holds a handle of its own state's, not even through the other: an abandoned
    // job or future must be able to go.
    using Outer = detail::FutureState<T>;
    auto target = std::make_shared<Outer*>(&outer.state());
    const CallbackId following = inner.add_done_callback([job = &inner.state(), target] {
        if (!*target) return;
        const Future<T> future(detail::StateRef<Outer>::share(*target));
        if (!future.done()) detail::follow_job<T>(*job, future);
    });
    outer.add_done_callback(
        [last = detail::LastAct([inner, following, target] {
             *target = nullptr;
             inner.remove_done_callback(following);
         })] {});
    return outer;
}

}  // namespace v0
}  // namespace coir
