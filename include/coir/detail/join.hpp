// SPDX-License-Identifier: BSL-1.0
// Waiting for several states at once. Internal; under gather, race, wait and as_completed.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/task_state.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

class JoinCore;

/// One of the states that are waited for. It lives with whoever waits, not with the state.
struct JoinedChild : Waiter {
    JoinedChild() noexcept : Waiter(nullptr) {}
    JoinCore* core = nullptr;
    StateBase* state = nullptr;
    std::size_t index = 0;  ///< its place among the jobs
    bool counted = false;   ///< its end has been taken note of
};

/// What the children of a wait tell of their end: once each, in O(1), without memory.
class COIR_API JoinCore {
public:
    JoinCore(const JoinCore&) = delete;
    JoinCore& operator=(const JoinCore&) = delete;
    /// The task that is suspended until children have ended; null: none is.
    TaskBase* waiting() const noexcept { return waiting_; }

protected:
    JoinCore() noexcept = default;
    virtual ~JoinCore();
    /// Asks a pending child to tell of its end. Undone by `child.unlink()`.
    void watch(JoinedChild& child) noexcept;
    virtual void child_done(JoinedChild& child) noexcept = 0;
    void suspend(TaskBase& self, Park& park) noexcept;
    /// Ends the suspension; nothing when there is none any more.
    void wake() noexcept;

private:
    friend TaskBase* awaiter(const Waiter& waiter) noexcept;
    static void notify(Waiter& waiter) noexcept;
    TaskBase* waiting_ = nullptr;
};

/// The task that `waiter`, found at something pending, stands for: an edge of the await graph. Null
/// for callbacks, and for a range that nobody is in the middle of a step of.
TaskBase* awaiter(const Waiter& waiter) noexcept;

/// What makes a join cancel those of its children that have not ended.
enum class JoinRule : std::uint8_t {
    all,          ///< nothing
    until_error,  ///< a child that does not end with a value
    until_end,    ///< the end of any child
};

/// Suspends the current task until all `count` children are done; a cancellation of the task cancels
/// them too, as often as it comes. Returns the index of the child that counts: for `until_end` the
/// first one that ended, not by such a cancellation, else 0. Throws
///  - CancelledError when the task was cancelled before all were done, and nothing of this is thrown;
///  - for `until_error` the first failure (TaskCancelledError for a child that somebody else had
///    cancelled); if the task was cancelled, the first error instead.
/// What the children that count ended with is otherwise the caller's business.
COIR_API COIR_SUSPENDS std::size_t join_all(JoinedChild* children, std::size_t count, JoinRule rule,
                                            const char* call);

/// For a call that leaves before the tasks that it has started have ended: cancels those and waits
/// for them, whatever requests the current task has. In a callback they are cancelled only.
COIR_API void abandon(StateBase* const* children, std::size_t count) noexcept;

/// Refuses children of other loops before anything is waited for.
COIR_API void require_same_loop(const StateBase& state, const char* call);
/// Refuses to wait for the current task in itself.
COIR_API void require_not_self(const StateBase& state);

}  // namespace detail
}  // namespace v0
}  // namespace coir
