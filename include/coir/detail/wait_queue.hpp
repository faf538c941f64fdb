// SPDX-License-Identifier: BSL-1.0
// The one waiter queue under every primitive: FIFO, direct hand-over, O(1) cancel, no allocation.
//
//   waiting --wake--> handed     (what was waited for is the waiter's already when it runs)
//          |--cancel--> cancelled
//          |--close--> closed
//          `--another queue was quicker--> passed_over   (a wait in several queues: select)
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/intrusive_list.hpp>
#include <coir/detail/loop_mark.hpp>
#include <coir/detail/task_state.hpp>

#include <cstdint>

namespace coir {
inline namespace v0 {
namespace detail {

enum class WaitOutcome : std::uint8_t { waiting, handed, closed, cancelled, passed_over };

/// A waiting task, on its own stack. A task that waits in several queues at once has one for each,
/// in a ring; the first that is woken takes the others off theirs.
struct COIR_API WaitNode : Waiter, Park {
    WaitNode() noexcept : Waiter(nullptr) {}
    explicit WaitNode(void* place) noexcept : Waiter(nullptr), slot(place) {}
    WaitNode(const WaitNode&) = delete;
    WaitNode& operator=(const WaitNode&) = delete;

    /// For a wait of `self` that is called `what`. A null `cancel` becomes the usual one.
    void prepare(TaskBase& self, const char* what) noexcept;
    /// Suspends the task, the current one, until end(). Throws CancelledError when that said so.
    COIR_SUSPENDS void suspend();
    /// Ends the wait, in all queues, and makes the task ready.
    void end(WaitOutcome how) noexcept;
    /// A part of the same wait. Before either is in a queue.
    void join_ring(WaitNode& other) noexcept {
        alternative = other.alternative;
        other.alternative = this;
    }

    void* slot = nullptr;  ///< what is handed over, for queues
    WaitNode* alternative = this;
    /// Told after the node was cancelled and taken off its queue: whoever stood behind it may be
    /// served now.
    void (*left)(WaitNode&) noexcept = nullptr;
    WaitOutcome outcome = WaitOutcome::waiting;
};

/// Its waiters are of one loop. When it is destroyed they are let go: they wait on, for nothing but
/// a cancellation, and debug mode says so.
class COIR_API WaitQueue {
public:
    WaitQueue() = default;
    WaitQueue(const WaitQueue&) = delete;
    WaitQueue& operator=(const WaitQueue&) = delete;
    ~WaitQueue() {
        if (!empty()) let_go();
    }

    bool empty() const noexcept { return waiters_.empty(); }
    /// Suspends the current task at the end of the queue. Throws CancelledError when it was
    /// cancelled before anything was handed over, WrongThreadError when others wait whose loop is
    /// another; otherwise `node.outcome` says what came.
    COIR_SUSPENDS void wait(WaitNode& node, const char* what);
    /// The same with a node of its own; whether something was handed over (to `slot`).
    COIR_SUSPENDS bool wait(const char* what, void* slot = nullptr);
    /// For who suspends itself: puts `node` of task `self` at the end.
    void enqueue(WaitNode& node, TaskBase& self, const char* what);
    /// Puts a node that has left another queue at the end of this one.
    void append(WaitNode& node) noexcept { waiters_.push_back(node); }

    /// The first waiter, still waiting; null when there is none.
    WaitNode* front() noexcept { return static_cast<WaitNode*>(waiters_.front()); }
    /// Takes the first waiter off the queue, and leaves it waiting; null when there is none.
    WaitNode* take_front() noexcept { return static_cast<WaitNode*>(waiters_.pop_front()); }
    /// Takes the first waiter off the queue and makes it ready; null when there is none.
    WaitNode* wake_one(WaitOutcome outcome = WaitOutcome::handed) noexcept;
    void wake_all(WaitOutcome outcome = WaitOutcome::handed) noexcept;
    /// Throws WrongThreadError naming `call` when those who wait cannot be woken from here.
    void require_wakeable(const char* call) {
        if (!empty()) require_waiters_here(call);
    }

private:
    void require_waiters_here(const char* call);
    void let_go() noexcept;

    IntrusiveList<Waiter> waiters_;
};

/// The start of every call that may suspend: there must be a task, and it must not be cancelled.
COIR_API COIR_SUSPENDS TaskBase& enter_suspension_point(const char* call);
/// The same for a call on something that belongs to one loop.
COIR_API COIR_SUSPENDS TaskBase& enter_suspension_point(const char* call, LoopMark& mark);
/// The end of one that did not need to: spends a credit, and yields when there is none left.
COIR_API COIR_SUSPENDS void leave_without_suspending(TaskBase& task);

}  // namespace detail
}  // namespace v0
}  // namespace coir
