// SPDX-License-Identifier: BSL-1.0
// The end of a loop: cancel, run until all have ended, name who has not, destroy what never ran.
#include "scheduler.hpp"

#include "debug_table.hpp"
#include "loop_signals.hpp"
#include "step_watch.hpp"
#include "thread_pool.hpp"

#include <coir/error.hpp>
#include <coir/log.hpp>

#include <atomic>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

// Cancels every task and runs the loop until all have ended or `grace` is over.
bool Scheduler::drain_round(Nanoseconds grace) {
    for (TaskBase* task = tasks_.front(); task; task = tasks_.next(*task)) {
        task->cancel_requested({});
    }
    struct Limit : TimerNode {
        explicit Limit(Scheduler& on) noexcept : scheduler(&on) {}
        ~Limit() { scheduler->disarm(*this); }  // also when the reactor fails
        Scheduler* scheduler;
    } limit(*this);
    limit.fire = [](TimerNode& node) noexcept {
        static_cast<Limit&>(node).scheduler->request_leave();
    };
    timers_.arm_last(limit, saturating_add(now(), grace));
    while (tasks_alive_ > 0 && limit.heap_index != TimerNode::unarmed) {
        poll(true);
        run_ready();
        leave_ = false;
    }
    return tasks_alive_ == 0;
}

void Scheduler::drain() {
    if (tasks_alive_ == 0) return;
    Running running(*this);
    constexpr int rounds = 3;
    for (int round = 0; round < rounds; ++round) {
        if (drain_round(options_.cleanup_grace / rounds)) return;
    }
}

// Their operations must be the reactor's no longer when it ends.
void Scheduler::end_watches() {
    if (hooks_) hooks_->clear();
    if (!fd_watches_) return;
    if (fd_watches_->in_flight() && bound_elsewhere()) {
        throw WrongThreadError("coir: a loop with readers or writers must be closed on its thread");
    }
    fd_watches_->close();
}

namespace {

// The stacks of tasks that did not end, and the reactor, for the kernel may still own buffers on
// those stacks. They stay within reach, so that tools that look for leaks do not report them.
struct Abandoned {
    std::unique_ptr<StackPool> stacks;
    std::unique_ptr<Reactor> reactor;
    Abandoned* next;
};
constinit std::atomic<Abandoned*> all_abandoned{nullptr};

void abandon(std::unique_ptr<StackPool> stacks, std::unique_ptr<Reactor> reactor) noexcept {
    auto* entry = new (std::nothrow) Abandoned{nullptr, nullptr, all_abandoned.load()};
    if (!entry) {
        static_cast<void>(stacks.release());
        static_cast<void>(reactor.release());
        return;
    }
    entry->stacks = std::move(stacks);
    entry->reactor = std::move(reactor);
    while (!all_abandoned.compare_exchange_weak(entry->next, entry)) {
    }
}

}  // namespace

void Scheduler::close() {
    if (closed_) return;
    if (running_) throw std::logic_error("coir: close() of a running loop");
    if (of_parent_) return close_of_parent();
    drain();
    if (tasks_alive_ > 0) {
        log(LogLevel::error, "coir: these tasks did not end when they were cancelled; their stacks "
                             "are abandoned:\n" + describe_tasks());
    }
    end_watches();
    finish_closing();
}

// The reactor is broken, or memory is short, and nobody will try again: nothing runs any more. What
// the kernel may still write to stays where it is.
void Scheduler::give_up() noexcept {
    if (closed_ || running_ || of_parent_) return;
    finish_closing();
}

void Scheduler::finish_closing() noexcept {
    if (tasks_alive_ > 0) {
        // One of them may wait for a job that never returns.
        ThreadPoolCore::abandon(std::move(pool_));
        ThreadPoolCore::abandon(std::move(resolver_pool_));
        ThreadPoolCore::abandon(std::move(waiting_pool_));
    }
    pool_.reset();
    resolver_pool_.reset();
    waiting_pool_.reset();
    if (signals_) signals_->close();
    while (Outside* outside = outside_.pop_front()) outside->loop_ends(*outside);
    report_summary();
    report_descriptors();
    step_watch_.reset();
    traces_.reset();
    debug_ = false;
    // Callbacks that never ran are destroyed, not run; tasks cannot be ready any more unless they
    // were abandoned.
    closed_ = true;  // before the inbox is: whoever it refuses frees memory under the lock
    for (ReadyEntry* entry = inbox_.close(*sys_); entry;) {
        ReadyEntry* next = entry->next_ready;
        push_ready(*entry);
        entry = next;
    }
    discard_callbacks();
    fd_watches_.reset();
    hooks_.reset();
    unregister_scheduler(*this);
    if (tasks_alive_ > 0 || in_flight_ > 0) {
        for (TaskBase* task = tasks_.front(); task; task = tasks_.next(*task)) task->left_behind();
        abandon(std::move(stacks_), std::move(reactor_));
        return;
    }
    stacks_.reset();
    // The world may be the reactor's own; handles and time() still ask for the clock.
    sys_ = &real_sys();
    chooser_ = nullptr;
    reactor_.reset();
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
