// SPDX-License-Identifier: BSL-1.0
// See coir/detail/wait_queue.hpp and coir/detail/loop_mark.hpp.
#include <coir/detail/wait_queue.hpp>

#include "debug_table.hpp"
#include "scheduler.hpp"

#include <coir/error.hpp>
#include <coir/log.hpp>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

void cancel_wait(Park& park, TaskBase&) noexcept {
    auto& node = static_cast<WaitNode&>(park);
    const bool stood = static_cast<Waiter&>(node).linked();  // else its queue has gone
    node.end(WaitOutcome::cancelled);
    if (stood && node.left) node.left(node);
}

}  // namespace

void WaitNode::prepare(TaskBase& self, const char* waits_for) noexcept {
    task = &self;
    what = waits_for;
    if (!Park::cancel) Park::cancel = &cancel_wait;
}

void WaitNode::suspend() {
    task->scheduler().suspend(*this);
    if (outcome == WaitOutcome::cancelled) task->throw_cancelled();
}

void WaitNode::end(WaitOutcome how) noexcept {
    unlink();
    outcome = how;
    for (WaitNode* other = alternative; other != this; other = other->alternative) {
        other->unlink();
        other->outcome = WaitOutcome::passed_over;
    }
    task->scheduler().make_ready(*task);
}

void WaitQueue::enqueue(WaitNode& node, TaskBase& self, const char* what) {
    if (Waiter* other = waiters_.front()) {
        if (&other->task->scheduler() != &self.scheduler()) {
            throw WrongThreadError(std::string("coir: a ") + what + " is used by two loops");
        }
    }
    node.prepare(self, what);
    waiters_.push_back(node);
}

void WaitQueue::wait(WaitNode& node, const char* what) {
    enqueue(node, this_task(what), what);
    node.suspend();
}

bool WaitQueue::wait(const char* what, void* slot) {
    WaitNode node(slot);
    wait(node, what);
    return node.outcome == WaitOutcome::handed;
}

WaitNode* WaitQueue::wake_one(WaitOutcome outcome) noexcept {
    WaitNode* node = front();
    if (node) node->end(outcome);
    return node;
}

void WaitQueue::wake_all(WaitOutcome outcome) noexcept {
    while (wake_one(outcome)) {
    }
}

void WaitQueue::require_waiters_here(const char* call) {
    front()->task->scheduler().require_thread(call);
}

void WaitQueue::let_go() noexcept {
    bool said = false;
    while (WaitNode* node = take_front()) {
        if (said || !node->task->scheduler().debug()) continue;
        said = true;
        try {
            log(LogLevel::warning, "coir: what task '" + node->task->name() + "' waits for (" +
                                       node->what + ") is destroyed: only a cancellation can "
                                       "wake the task now");
        } catch (const std::bad_alloc&) {
            // Then it is not said.
        }
    }
}

constinit std::atomic<bool> loop_marks_in_use{false};

void LoopMark::compare(const char* call) {
    const Scheduler* here = running_here;
    const std::uint64_t marked = loop_.load(std::memory_order_relaxed);
    if (marked == 0) {
        if (here && here->debug()) loop_.store(here->serial(), std::memory_order_relaxed);
        return;
    }
    if (here && here->serial() == marked) return;
    if (loop_refuses_use_here(marked)) Scheduler::throw_wrong_thread(call);
    // That loop has been closed, or is not running: before and after its runs its thread may.
    if (here) loop_.store(here->debug() ? here->serial() : 0, std::memory_order_relaxed);
}

TaskBase& enter_suspension_point(const char* call) {
    TaskBase& self = this_task(call);
    self.check_cancelled();
    return self;
}

TaskBase& enter_suspension_point(const char* call, LoopMark& mark) {
    TaskBase& self = this_task(call);
    mark.check(call);
    self.check_cancelled();
    return self;
}

void leave_without_suspending(TaskBase& task) { task.scheduler().spend_credit(); }

}  // namespace detail
}  // namespace v0
}  // namespace coir
