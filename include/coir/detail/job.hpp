// SPDX-License-Identifier: BSL-1.0
// Jobs: what gather and its relatives take. A job is a callable without parameters (which becomes a
// task), a Task or a Future. Internal.
#pragma once

#include <coir/await.hpp>
#include <coir/detail/callback.hpp>
#include <coir/detail/join.hpp>
#include <coir/future.hpp>
#include <coir/task.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
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

/// What a done job gives: its value, moved out when nobody else can read it, or its exception.
template <class H>
auto job_value(H& handle) -> typename H::ResultType {
    handle.state().throw_unless_value(true);
    return take_value<typename H::ResultType>(handle.state(), true);
}
/// The same, but std::monostate for void.
template <class H>
auto joined_value(H& handle) -> ValueOf<typename H::ResultType> {
    if constexpr (std::is_void_v<typename H::ResultType>) {
        job_value(handle);
        return std::monostate{};
    } else {
        return job_value(handle);
    }
}

/// A job's handle. One that has been started here ends here at the latest: it may refer to the
/// caller's stack, which an exception unwinds when another job cannot be started.
template <class Job>
struct JoinedJob {
    JoinedJob() = default;
    explicit JoinedJob(Job&& job) : handle(job_handle(std::forward<Job>(job))) {}
    JoinedJob(JoinedJob&&) noexcept = default;
    JoinedJob& operator=(JoinedJob&&) noexcept = default;
    ~JoinedJob() {
        if constexpr (!Handle<Job>) {
            if (!handle || handle.done()) return;
            StateBase* const state = &handle.state();
            abandon(&state, 1);
        }
    }
    JobHandle<Job> handle;
};

/// Refuses what cannot be a job, before any is started.
template <class Job>
void check_job(const Job& job, const char* call) {
    if constexpr (Handle<Job>) {
        require_same_loop(job.state(), call);
    } else {
        require_callable(job, "a job");
    }
}

/// Starts all, or throws and leaves none behind.
template <class... Jobs>
auto start_jobs(const char* call, Jobs&&... jobs) -> std::tuple<JoinedJob<Jobs>...> {
    static_cast<void>(require_task(call));
    (check_job(jobs, call), ...);
    // Braces: created in the order of the arguments.
    return std::tuple<JoinedJob<Jobs>...>{JoinedJob<Jobs>(std::forward<Jobs>(jobs))...};
}

/// Jobs are moved out of a container that is given away, and copied from everything else.
template <class Range>
using JobOf = std::conditional_t<
    std::is_lvalue_reference_v<Range> || std::ranges::view<std::remove_cvref_t<Range>>,
    std::ranges::range_reference_t<Range>, std::ranges::range_rvalue_reference_t<Range>>;

template <class Range>
auto start_job_range(const char* call, Range&& jobs) -> std::vector<JoinedJob<JobOf<Range>>> {
    using Job = JobOf<Range>;
    static_cast<void>(require_task(call));
    // What is made on the way (by a transforming view) is made once, and checked then.
    constexpr bool at_hand = std::ranges::forward_range<Range> &&
                             std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>>;
    if constexpr (at_hand) {
        for (const auto& job : jobs) check_job(job, call);
    }
    std::vector<JoinedJob<Job>> joined;
    if constexpr (std::ranges::sized_range<Range>) joined.reserve(std::ranges::size(jobs));
    for (auto&& job : jobs) {
        if constexpr (!at_hand) check_job(job, call);
        joined.emplace_back();  // memory first: a started job must not be lost
        joined.back() = JoinedJob<Job>(static_cast<Job&&>(job));
    }
    return joined;
}

/// join_all() of the jobs of a tuple, or of a vector.
template <class... Joined>
COIR_SUSPENDS std::size_t join_jobs(std::tuple<Joined...>& jobs, JoinRule rule, const char* call) {
    return std::apply(
        [&](auto&... job) {
            std::array<JoinedChild, sizeof...(job)> children;
            [[maybe_unused]] std::size_t at = 0;
            ((children[at++].state = &job.handle.state()), ...);
            return join_all(children.data(), children.size(), rule, call);
        },
        jobs);
}
template <class Joined>
COIR_SUSPENDS std::size_t join_jobs(std::vector<Joined>& jobs, JoinRule rule, const char* call) {
    auto children = std::make_unique<JoinedChild[]>(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) children[i].state = &jobs[i].handle.state();
    return join_all(children.get(), jobs.size(), rule, call);
}

/// Not a lone range: that has an overload of its own.
template <class... Jobs>
concept SeveralJobs = sizeof...(Jobs) != 1 ||
                      !(std::ranges::range<std::remove_cvref_t<Jobs>> && ...);

}  // namespace detail
}  // namespace v0
}  // namespace coir
