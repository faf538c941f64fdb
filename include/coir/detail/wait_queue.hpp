// SPDX-License-Identifier: BSL-1.0
// The one waiter queue under every primitive: FIFO, direct hand-over, O(1) cancel, no allocation.
//
//   waiting --wake--> handed     (what was waited for is the waiter's already when it runs)
//          `--cancel--> cancelled
//          `--close--> closed
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/intrusive_list.hpp>
#include <coir/detail/task_state.hpp>

#include <cstdint>

namespace coir {
inline namespace v0 {
namespace detail {

enum class WaitOutcome : std::uint8_t { waiting, handed, closed, cancelled };

/// A waiting task, on its own stack.
struct WaitNode : Waiter, Park {
    WaitNode() noexcept : Waiter(nullptr) {}
    void* slot = nullptr;  ///< what is handed over, for queues
    WaitOutcome outcome = WaitOutcome::waiting;
};

class COIR_API WaitQueue {
public:
    WaitQueue() = default;
    WaitQueue(const WaitQueue&) = delete;
    WaitQueue& operator=(const WaitQueue&) = delete;

    bool empty() const noexcept { return waiters_.empty(); }
    /// Suspends the current task at the end of the queue. Throws CancelledError when it was
    /// cancelled before anything was handed over; otherwise `node.outcome` says what came.
    COIR_SUSPENDS void wait(WaitNode& node, const char* what);
    /// The first waiter, still waiting; null when there is none.
    WaitNode* front() noexcept { return static_cast<WaitNode*>(waiters_.front()); }
    /// Takes the first waiter off the queue and makes it ready; null when there is none.
    WaitNode* wake_one(WaitOutcome outcome = WaitOutcome::handed) noexcept;
    void wake_all(WaitOutcome outcome = WaitOutcome::handed) noexcept;

private:
    IntrusiveList<Waiter> waiters_;
};

/// The start of every call that may suspend: there must be a task, and it must not be cancelled.
COIR_API COIR_SUSPENDS TaskBase& enter_suspension_point(const char* call);
/// The end of one that did not need to: spends a credit, and yields when there is none left.
COIR_API COIR_SUSPENDS void leave_without_suspending(TaskBase& task);

}  // namespace detail
}  // namespace v0
}  // namespace coir
