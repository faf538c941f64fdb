// SPDX-License-Identifier: BSL-1.0
// EventLoop: the public face of the scheduler, and errors that nobody can catch.
#include <coir/event_loop.hpp>

#include "scheduler.hpp"
#include "thread_pool.hpp"

#include <coir/error.hpp>
#include <coir/log.hpp>
#include <coir/version.hpp>

#include <utility>

#include <sys/syscall.h>

namespace coir {
inline namespace v0 {

namespace detail {

EventLoop& owner_of(const Scheduler& scheduler) noexcept {
    return const_cast<Scheduler&>(scheduler).owner();
}

void Scheduler::free_block_slowly(void* memory, std::uint16_t block_class) noexcept {
    if (traces_) traces_->forget(memory);  // there are none once the loop is closed
    if (block_class == 0) {
        BlockPool::free_large(memory);
    } else if (closed_.load(std::memory_order_relaxed)) {
        free_orphan(memory, block_class);
    } else {
        blocks_.free(memory, block_class);
    }
}

// A handle that outlived its loop; perhaps on another thread.
void Scheduler::free_orphan(void* memory, std::uint16_t block_class) noexcept {
    bool last = false;
    {
        std::lock_guard lock(orphans_mutex_);
        blocks_.free(memory, block_class);
        last = orphaned_ && blocks_.live() == 0;
    }
    if (last) delete_this();
}

// Nothing refers to it any more but, for a moment, who has posted the last reference.
void Scheduler::delete_this() noexcept {
    // The loop's own Sys may be gone with its reactor.
    while (last_posts_.load(std::memory_order_acquire) != 0) thread_sys()(SYS_sched_yield);
    delete this;
}

// The loop object is gone; handles may still refer to blocks of its pool.
void Scheduler::orphan() noexcept {
    bool last = false;
    {
        std::lock_guard lock(orphans_mutex_);
        orphaned_ = true;
        last = blocks_.live() == 0;
    }
    if (last) delete_this();
}

void Scheduler::discard_callbacks() noexcept {
    while (TimerNode* node = timers_.pop_due(never, timers_.sequence())) {
        // Only callbacks are armed now, unless tasks were abandoned: those are never run again.
        if (tasks_alive_ == 0) node->fire(*node);
    }
    for (ReadyEntry* entry = ready_head_; entry;) {
        ReadyEntry* next = entry->next_ready;
        if (entry->run) entry->run(*entry);
        entry = next;
    }
    ready_head_ = nullptr;
    ready_tail_ = &ready_head_;
}

LoopMetrics Scheduler::metrics() const {
    LoopMetrics metrics;
    metrics.turns = turns_;
    metrics.steps = steps_;
    metrics.tasks_created = tasks_created_;
    metrics.tasks_alive = tasks_alive_;
    metrics.wakes = wakes_;
    metrics.swallowed_cancels = swallowed_cancels_;
    metrics.timers = timers_.size();
    metrics.idle = idle_.total(*sys_);
    metrics.stacks_reserved = stacks_ ? stacks_->stacks() : 0;
    metrics.stack_mappings = stacks_ ? stacks_->mappings() : 0;
    if (pool_) metrics.pool = pool_->metrics();
    return metrics;
}

std::optional<Nanoseconds> Scheduler::next_timeout() {
    if (has_ready()) return Nanoseconds(0);
    if (hooks_ && hooks_->any_idle()) return Nanoseconds(0);
    if (reactor_ && reactor_->has_unsent()) return Nanoseconds(0);
    if (timers_.empty()) return std::nullopt;
    const TimePoint time = now();
    return timers_.next() <= time ? Nanoseconds(0) : timers_.next() - time;
}

}  // namespace detail

std::string_view version() noexcept { return COIR_VERSION; }

EventLoop::EventLoop(RunOptions options)
    : scheduler_(new detail::Scheduler(*this, std::move(options))) {}

EventLoop::~EventLoop() {
    try {
        close();
    } catch (const WrongThreadError& error) {
        detail::log_error("coir: closing a loop failed", error.what());
    } catch (const std::exception& error) {
        detail::log_error("coir: closing a loop failed", error.what());
        scheduler_->give_up();
    }
    scheduler_->orphan();
}

bool EventLoop::remove_watch(int fd, detail::FdSide side) {
    if (fd < 0) {
        throw std::invalid_argument("coir: remove_reader or remove_writer of descriptor " +
                                    std::to_string(fd) + ": a descriptor is not negative");
    }
    scheduler_->require_thread("remove_reader or remove_writer");
    return scheduler_->unwatch(fd, side);
}
bool EventLoop::remove_hook(HookId id) {
    scheduler_->require_thread("remove_hook");
    return scheduler_->remove_hook(id);
}

void EventLoop::run_forever() { scheduler_->run_until_stopped(); }
bool EventLoop::run_once(RunMode mode) { return scheduler_->run_once(mode); }
void EventLoop::stop() noexcept { scheduler_->stop(); }
void EventLoop::close() { scheduler_->close(); }
bool EventLoop::is_running() const noexcept { return scheduler_->running(); }
bool EventLoop::is_closed() const noexcept { return scheduler_->closed(); }
TimePoint EventLoop::time() const noexcept { return scheduler_->now(); }
TimePoint EventLoop::later(Nanoseconds delay) const {
    return saturating_add(scheduler_->now(), delay);
}
void EventLoop::run_until_done(detail::StateBase& state) {
    if (&state.scheduler() != scheduler_) {
        throw WrongThreadError("coir: run_until_complete of another loop's task or future");
    }
    scheduler_->run_until_done(state);
}
std::size_t EventLoop::main_stack_size() const noexcept {
    return scheduler_->options().main_stack_size;
}
detail::Scheduler& EventLoop::open_scheduler() const {
    // A loop that runs here is open.
    if (detail::running_here == scheduler_) [[likely]] return *scheduler_;
    // Before anything is made: the pool that its memory comes from is the loop's thread's alone.
    scheduler_->require_open("creating a task, future or callback");
    scheduler_->require_thread("creating a task, future or callback");
    return *scheduler_;
}
void EventLoop::set_exception_handler(std::function<void(const ExceptionContext&)> handler) {
    scheduler_->set_exception_handler(std::move(handler));
}
void EventLoop::call_exception_handler(const ExceptionContext& context) {
    scheduler_->report(context);
}
void EventLoop::set_debug(bool on) noexcept { scheduler_->set_debug(on); }
bool EventLoop::debug() const noexcept { return scheduler_->debug(); }
std::string_view EventLoop::reactor_name() const noexcept {
    return scheduler_->closed() ? std::string_view() : scheduler_->reactor().name();
}
const std::string& EventLoop::reactor_choice() const noexcept {
    return scheduler_->reactor_choice();
}
LoopMetrics EventLoop::metrics() const { return scheduler_->metrics(); }
int EventLoop::fd() noexcept { return scheduler_->fd(); }
std::optional<Nanoseconds> EventLoop::next_timeout() { return scheduler_->next_timeout(); }
bool EventLoop::has_ready() const { return scheduler_->has_ready(); }

EventLoop& get_running_loop() { return detail::running_scheduler("get_running_loop").owner(); }

EventLoop* try_get_running_loop() noexcept {
    detail::Scheduler* scheduler = detail::running_here;
    return scheduler ? &scheduler->owner() : nullptr;
}

}  // namespace v0
}  // namespace coir
