// SPDX-License-Identifier: BSL-1.0
// Waiting for several states at once. Internal; see gather.hpp.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/task_state.hpp>

#include <cstddef>

namespace coir {
inline namespace v0 {
namespace detail {

class JoinCore;

/// One of the states that are waited for; on the waiting stack.
struct JoinedChild : Waiter {
    JoinedChild() noexcept : Waiter(nullptr) {}
    JoinCore* core = nullptr;
    StateBase* state = nullptr;
    bool counted = false;
};

/// Suspends the current task until all `count` children are done. The first one that fails, or a
/// cancellation of the current task, cancels the others. Then throws that first failure
/// (TaskCancelledError for a child that somebody else cancelled); if the current task was cancelled
/// before all were done, the first error of a child, or else its own CancelledError.
COIR_API COIR_SUSPENDS void join_all(JoinedChild* children, std::size_t count);

/// For a call that could not start all of its tasks: cancels one that it had started and waits for
/// it, whatever requests the current task has.
COIR_API void abandon(StateBase& child) noexcept;

/// Refuses children of other loops before anything is waited for.
COIR_API void require_same_loop(const StateBase& state, const char* call);

}  // namespace detail
}  // namespace v0
}  // namespace coir
