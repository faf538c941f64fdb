// SPDX-License-Identifier: BSL-1.0
// Callbacks: call_soon, timers, posts from other threads. They run on the loop's own stack.
#include "context.hpp"

#include <coir/detail/callback.hpp>

#include <cstddef>

namespace coir {
inline namespace v0 {
namespace detail {

CallbackBase::~CallbackBase() = default;

CallbackBase* CallbackBase::from_timer(TimerNode& node) noexcept {
    // timer_ is a member at a fixed distance; the class is not standard-layout, but has one base
    // chain without virtual bases, which every compiler that we build with lays out in order.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
    constexpr std::size_t distance = offsetof(CallbackBase, timer_);
#pragma GCC diagnostic pop
    return reinterpret_cast<CallbackBase*>(reinterpret_cast<char*>(&node) - distance);
}

// The queue's reference goes with the run.
static void run_callback(ReadyEntry& entry) noexcept;

void CallbackBase::cancel() noexcept {
    cancelled_.store(true, std::memory_order_release);
    // A timer leaves the heap at once, so that it neither wakes the loop nor keeps its memory.
    if (timer_.heap_index != TimerNode::unarmed && scheduler_->usable_here()) {
        scheduler_->disarm(timer_);
        drop_ref();
    }
}

void CallbackBase::dispose() noexcept {
    if (!pooled_) {
        delete this;
        return;
    }
    Scheduler& scheduler = *scheduler_;
    const std::uint16_t block_class = block_class_;
    void* memory = dynamic_cast<void*>(this);
    this->~CallbackBase();
    scheduler.free_block(memory, block_class);
}

[[gnu::always_inline]] inline void CallbackBase::call_inline() noexcept {
    if (cancelled() || scheduler_->closed()) return;
    const InContext in(*scheduler_, variables_);
    try {
        invoke();
    } catch (...) {
        scheduler_->report_current("exception in a callback", this);
    }
    if (scheduler_->debug()) [[unlikely]] scheduler_->check_step_time(this);
}

void CallbackBase::call() noexcept { call_inline(); }

void CallbackBase::run_and_release() noexcept {
    call_inline();
    drop_ref();
}

static void run_callback(ReadyEntry& entry) noexcept {
    static_cast<CallbackBase&>(entry).run_and_release();
}

static void prepare(CallbackBase& callback) noexcept {
    callback.run = &run_callback;
    if (contexts_in_use()) [[unlikely]] callback.variables() = current_context().copy();
}

// Before the loop runs, its thread's posts keep their place among its call_soon's.
[[gnu::noinline]] static void queue_behind_posts(Scheduler& scheduler) {
    scheduler.require_thread("call_soon");
    if (!scheduler.running()) scheduler.drain_inbox();
}

void queue_callback(CallbackBase& callback) {
    Scheduler& scheduler = callback.scheduler();
    if (running_here != &scheduler) [[unlikely]] queue_behind_posts(scheduler);
    prepare(callback);
    scheduler.push_ready(callback);
}

void queue_callback_threadsafe(CallbackBase& callback) {
    prepare(callback);
    if (running_here == &callback.scheduler()) {
        callback.scheduler().push_ready(callback);  // in order with call_soon
    } else if (!callback.scheduler().post(callback)) {
        throw std::logic_error("coir: call_soon_threadsafe on a closed loop");
    }
}

void queue_timer(CallbackBase& callback, TimePoint when) {
    Scheduler& scheduler = callback.scheduler();
    scheduler.require_thread("call_later");
    prepare(callback);
    callback.arm(when);
}

void CallbackBase::arm(TimePoint when) {
    when_ = when;
    timer_.fire = [](TimerNode& node) noexcept {
        CallbackBase& self = *from_timer(node);
        self.scheduler_->push_ready(self);
    };
    scheduler_->arm(timer_, when);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
