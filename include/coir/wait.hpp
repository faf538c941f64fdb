// SPDX-License-Identifier: BSL-1.0
// wait: look on until some of several tasks or futures are done. Behaviour: asyncio.wait.
#pragma once

#include <coir/detail/job.hpp>
#include <coir/detail/watch.hpp>
#include <coir/task.hpp>
#include <coir/time_limit.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ranges>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {

/// What wait() waits for.
enum class ReturnWhen : std::uint8_t {
    all_completed,    ///< every member is done
    first_completed,  ///< a member is done, however it ended
    first_exception,  ///< a member has ended with an exception (not: cancelled), or all are done
};

/// How wait() is to wait.
struct WaitOptions {
    /// At most so long, or until then; without a limit by default.
    TimeLimit timeout = {};
    ReturnWhen return_when = ReturnWhen::all_completed;
};

/// The members of a wait(), each in one of the two. Tasks from the oldest to the youngest, futures
/// in the order of the arguments. (The name WaitResult belongs to reactors.)
template <class H>
struct WaitSets {
    std::vector<H> done;
    std::vector<H> pending;
};

namespace detail {

template <class H>
concept AnyHandle = Handle<H> || std::is_same_v<std::remove_cvref_t<H>, TaskRef>;
template <class Range>
concept HandleRange =
    std::ranges::input_range<Range> && AnyHandle<std::ranges::range_value_t<Range>>;

/// Throws InvalidStateError for an empty handle.
template <class H>
std::vector<StateBase*> states_of(const std::vector<H>& handles) {
    std::vector<StateBase*> states;
    states.reserve(handles.size());
    for (const H& handle : handles) states.push_back(&handle.state());
    return states;
}

template <class H>
COIR_SUSPENDS WaitSets<H> wait_for_handles(const std::vector<H>& handles,
                                           const WaitOptions& options) {
    static_cast<void>(require_task("wait"));
    if (handles.empty()) throw std::invalid_argument("coir: wait for no tasks or futures");
    if (options.return_when > ReturnWhen::first_exception) {
        throw std::invalid_argument("coir: wait with a return_when that is not one of the enum's");
    }
    Watch watch(states_of(handles), "wait");
    watch.wait(options.return_when, options.timeout);
    WaitSets<H> sets;
    for (const std::size_t index : watch.oldest_first()) {
        const H& handle = handles[index];
        (handle.done() ? sets.done : sets.pending).push_back(handle);
    }
    return sets;
}

}  // namespace detail

/// Suspends until there is what `options.return_when` asks for or the time is over, and says which
/// of the handles (Tasks, Futures or TaskRefs, all of one type) are done when the caller goes on:
/// `auto [done, pending] = wait(tasks, ReturnWhen::first_completed)`. It never cancels a member,
/// neither at the end of the time nor when the caller is cancelled, and never throws a member's
/// error: await or ask those that are done. A limit of zero lets everything that is due run once.
/// The same handle twice counts, and comes back, once. Throws std::invalid_argument for an empty
/// set, InvalidStateError for an empty handle and for the caller's own, WrongThreadError for members
/// of another loop.
template <detail::HandleRange Range>
COIR_SUSPENDS auto wait(Range&& handles, WaitOptions options = {})
    -> WaitSets<std::ranges::range_value_t<Range>> {
    std::vector<std::ranges::range_value_t<Range>> members;
    if constexpr (std::ranges::sized_range<Range>) members.reserve(std::ranges::size(handles));
    for (auto&& handle : handles) members.emplace_back(std::forward<decltype(handle)>(handle));
    return detail::wait_for_handles(members, options);
}
template <detail::HandleRange Range>
COIR_SUSPENDS auto wait(Range&& handles, ReturnWhen when)
    -> WaitSets<std::ranges::range_value_t<Range>> {
    return coir::wait(std::forward<Range>(handles), WaitOptions{{}, when});
}
/// The same for a braced list: `wait({reader, writer}, {.timeout = 1s})`.
template <detail::AnyHandle H>
COIR_SUSPENDS WaitSets<H> wait(std::initializer_list<H> handles, WaitOptions options = {}) {
    return detail::wait_for_handles(std::vector<H>(handles), options);
}
template <detail::AnyHandle H>
COIR_SUSPENDS WaitSets<H> wait(std::initializer_list<H> handles, ReturnWhen when) {
    return coir::wait(handles, WaitOptions{{}, when});
}

}  // namespace v0
}  // namespace coir
