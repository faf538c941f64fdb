// SPDX-License-Identifier: BSL-1.0
// race: several jobs at once, of which the first to end counts.
//
// Use it for hedged requests (ask two servers, take the faster answer) and for "this, or that,
// whichever comes first". asyncio has no call of its own for it; it is wait(first_completed) that
// cleans up after itself.
#pragma once

#include <coir/await.hpp>
#include <coir/detail/job.hpp>
#include <coir/detail/join.hpp>

#include <cstddef>
#include <ranges>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace coir {
inline namespace v0 {
namespace detail {

template <class... Results>
struct RaceOf {
    static constexpr bool is_variant = true;
    using Type = std::variant<StoredValue<Results>...>;
};
template <class First, class... Rest>
    requires(std::is_same_v<First, Rest> && ...)
struct RaceOf<First, Rest...> {
    static constexpr bool is_variant = false;
    using Type = First;
};

/// What the job at `winner` gives.
template <class Race, std::size_t index, class Joined>
typename Race::Type race_result(Joined& joined, std::size_t winner) {
    if constexpr (index + 1 < std::tuple_size_v<Joined>) {
        if (winner != index) return race_result<Race, index + 1>(joined, winner);
    }
    auto& handle = std::get<index>(joined).handle;
    if constexpr (Race::is_variant) {
        return typename Race::Type(std::in_place_index<index>, joined_value(handle));
    } else {
        return job_value(handle);
    }
}

}  // namespace detail

/// Runs all jobs until the first one ends, with a value or an exception; cancels the others, waits
/// for them, and returns that value or throws that exception (TaskCancelledError for a job that
/// somebody else cancelled). Of jobs that had ended before, the first argument wins. What the others
/// end with is dropped.
/// When the jobs' results are of one type, that is what is returned; otherwise a std::variant with
/// one alternative for each argument, so that its index() is the winner's place; void is
/// std::monostate in it, a reference a std::reference_wrapper.
/// Cancelling the caller cancels and joins all; if one ends with a value or an error all the same, it
/// wins and the request stays pending, otherwise CancelledError is thrown. Throws WrongThreadError
/// for jobs of another loop, InvalidStateError for a task that races against itself and for empty
/// handles, std::invalid_argument for empty callables, all before anything is started.
// The return type is deduced for the sake of clang 14; see gather().
template <class... Jobs>
    requires(sizeof...(Jobs) > 0) && detail::SeveralJobs<Jobs...>
COIR_SUSPENDS decltype(auto) race(Jobs&&... jobs) {
    auto joined = detail::start_jobs("race", std::forward<Jobs>(jobs)...);
    const std::size_t winner = detail::join_jobs(joined, detail::JoinRule::until_end, "race");
    return detail::race_result<detail::RaceOf<detail::JobResult<Jobs>...>, 0>(joined, winner);
}

/// The same for a range of jobs of one type. Throws std::invalid_argument for an empty one, which
/// nobody can win.
template <std::ranges::input_range Range>
COIR_SUSPENDS auto race(Range&& jobs) -> detail::JobResult<detail::JobOf<Range>> {
    auto joined = detail::start_job_range("race", std::forward<Range>(jobs));
    if (joined.empty()) throw std::invalid_argument("coir: race of no jobs");
    const std::size_t winner = detail::join_jobs(joined, detail::JoinRule::until_end, "race");
    return detail::job_value(joined[winner].handle);
}

}  // namespace v0
}  // namespace coir
