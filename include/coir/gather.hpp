// SPDX-License-Identifier: BSL-1.0
// gather: several jobs at once, their results in order. gather_settled: their ends, good or bad.
//
// A job is a callable without parameters (which becomes a task), a Task or a Future; kinds may be
// mixed. Behaviour: asyncio.gather, but structured: when one job fails, the others are cancelled
// and waited for before the error is thrown, and cancelling the caller cancels the jobs.
#pragma once

#include <coir/as_completed.hpp>
#include <coir/await.hpp>
#include <coir/detail/job.hpp>
#include <coir/detail/join.hpp>
#include <coir/outcome.hpp>
#include <coir/race.hpp>
#include <coir/shield.hpp>
#include <coir/wait.hpp>

#include <ranges>
#include <tuple>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

template <class... Jobs>
using GatherTuple = std::tuple<ValueOf<JobResult<Jobs>>...>;
template <class... Jobs>
using SettledTuple = std::tuple<coir::Outcome<JobResult<Jobs>>...>;

}  // namespace detail

/// Runs all jobs and returns their results in the order of the arguments, void ones as
/// std::monostate. The first failure cancels and joins the rest and is thrown; errors that the
/// others have then are dropped. A job that somebody else cancelled fails with TaskCancelledError.
/// Cancelling the caller cancels and joins all; then CancelledError is thrown, whatever the jobs
/// made of it, unless one ended with an error. Without jobs: returns at once. Throws
/// WrongThreadError for jobs of another loop, InvalidStateError for a task that gathers itself and
/// for empty handles, std::invalid_argument for empty callables, all before anything is started.
// The return type is deduced: clang 14 would form a declared one before it looks at `requires`.
template <class... Jobs>
    requires detail::SeveralJobs<Jobs...>
COIR_SUSPENDS auto gather(Jobs&&... jobs) {
    auto joined = detail::start_jobs("gather", std::forward<Jobs>(jobs)...);
    detail::join_jobs(joined, detail::JoinRule::until_error, "gather");
    return std::apply(
        [](auto&... job) {
            return detail::GatherTuple<Jobs...>{detail::joined_value(job.handle)...};
        },
        joined);
}

/// The same for a range of jobs of one type.
template <std::ranges::input_range Range>
COIR_SUSPENDS auto gather(Range&& jobs)
    -> std::vector<detail::ValueOf<detail::JobResult<detail::JobOf<Range>>>> {
    auto joined = detail::start_job_range("gather", std::forward<Range>(jobs));
    detail::join_jobs(joined, detail::JoinRule::until_error, "gather");
    std::vector<detail::ValueOf<detail::JobResult<detail::JobOf<Range>>>> results;
    results.reserve(joined.size());
    for (auto& job : joined) results.push_back(detail::joined_value(job.handle));
    return results;
}

/// Runs all jobs and waits for the end of each, good or bad: their outcomes in the order of the
/// arguments. No job's failure cancels another or is thrown (asyncio's `return_exceptions=True`).
/// Cancelling the caller cancels and joins all, and then CancelledError is thrown, whatever the jobs
/// made of it; an error that one of them ended with is reported as never retrieved unless somebody
/// else reads it. Otherwise as gather().
template <class... Jobs>
    requires detail::SeveralJobs<Jobs...>
COIR_SUSPENDS auto gather_settled(Jobs&&... jobs) {
    auto joined = detail::start_jobs("gather_settled", std::forward<Jobs>(jobs)...);
    detail::join_jobs(joined, detail::JoinRule::all, "gather_settled");
    return std::apply(
        [](auto&... job) {
            return detail::SettledTuple<Jobs...>{
                Outcome<detail::JobResult<Jobs>>(std::in_place, job.handle.state())...};
        },
        joined);
}

/// The same for a range of jobs of one type.
template <std::ranges::input_range Range>
COIR_SUSPENDS auto gather_settled(Range&& jobs)
    -> std::vector<Outcome<detail::JobResult<detail::JobOf<Range>>>> {
    auto joined = detail::start_job_range("gather_settled", std::forward<Range>(jobs));
    detail::join_jobs(joined, detail::JoinRule::all, "gather_settled");
    std::vector<Outcome<detail::JobResult<detail::JobOf<Range>>>> outcomes;
    outcomes.reserve(joined.size());
    for (auto& job : joined) outcomes.emplace_back(std::in_place, job.handle.state());
    return outcomes;
}

}  // namespace v0
}  // namespace coir
