// SPDX-License-Identifier: BSL-1.0
// Who waits for whom: the stack of a task, and of those that await it, all the way up.
//
// Threads: the loop's thread only. Made for people who look for what hangs; nothing is recorded
// while tasks run. Behaviour: asyncio.capture_call_graph and print_call_graph of Python 3.14.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/future.hpp>
#include <coir/task.hpp>

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace coir {
inline namespace v0 {

/// A task or future, what it is doing, and who awaits it.
struct CallGraph {
    /// Empty for a future.
    TaskRef task = {};
    /// Return addresses on the task's stack, innermost first, up to the task's entry. None for a
    /// future, and for a task that has not started or has ended.
    std::vector<void*> frames = {};
    /// Whoever waits for it, in the order in which they began to: in await(), gather and the like,
    /// through a shield, and the task of a task group for the group's children. One that occurs on
    /// the way down already (tasks that wait for each other) is there without its own waiters.
    std::vector<CallGraph> awaited_by = {};
};

/// The graph above a task. Without an argument: above the running one; nothing in a callback, and
/// std::logic_error when no loop runs here. WrongThreadError for another loop's task.
[[nodiscard]] COIR_API std::optional<CallGraph> capture_call_graph();
[[nodiscard]] COIR_API CallGraph capture_call_graph(const TaskRef& task);
template <class T>
[[nodiscard]] CallGraph capture_call_graph(const Task<T>& task) {
    return capture_call_graph(task.ref());
}

namespace detail {
COIR_API CallGraph capture_waiters(const StateBase& future);
}

/// The graph above a future: all who await it.
template <class T>
[[nodiscard]] CallGraph capture_call_graph(const Future<T>& future) {
    return detail::capture_waiters(future.state());
}

/// A graph as text, a line per task and per frame.
[[nodiscard]] COIR_API std::string format_call_graph(const CallGraph& graph);
/// Writes the graph above a task; nothing for an empty handle (current_task() in a callback).
COIR_API void print_call_graph(std::ostream& out, const TaskRef& task = current_task());

}  // namespace v0
}  // namespace coir
