// SPDX-License-Identifier: BSL-1.0
// See legacy_hooks.hpp.
//
//   waiting --first completion | timer | cancel request--> ending --last completion--> ready
//
// The first of the three decides the outcome. What is left in flight is then cancelled, and the
// task goes on only when all of it has come back, for the operations live on its stack. After a
// completion the cancelling has to wait until the others that came with it have been handed out.
#include "legacy_hooks.hpp"

#include "calls/held_signals.hpp"
#include "environment.hpp"
#include "interrupted_waits.hpp"
#include "scheduler.hpp"
#include "thread_pool.hpp"

#include <coir/error.hpp>
#include <coir/legacy.hpp>
#include <coir/log.hpp>

#include <cerrno>

namespace coir {
inline namespace v0 {
namespace {

// The regions of this thread's tasks; nearly always none.
[[gnu::tls_model("initial-exec")]] constinit thread_local blocking_region* regions = nullptr;

}  // namespace

bool in_blocking_region(const detail::TaskBase* task) noexcept {
    for (const blocking_region* region = regions; region; region = region->next_) {
        if (region->task_ == task) return true;
    }
    return false;
}

// A task stays on its thread, so that the list may be the thread's.
blocking_region::blocking_region() noexcept
    : task_(detail::current_task_state()), next_(regions) {
    if (next_) next_->previous_ = this;
    regions = this;
}

blocking_region::~blocking_region() {
    (previous_ ? previous_->next_ : regions) = next_;
    if (next_) next_->previous_ = previous_;
}

bool blocking_region::active() noexcept {
    const detail::TaskBase* task = detail::current_task_state();
    return task && in_blocking_region(task);
}

no_suspend::no_suspend() noexcept : in_task_(detail::current_task_state() != nullptr) {
    if (in_task_) detail::running_here->forbid_suspending();
}

no_suspend::~no_suspend() {
    if (in_task_) detail::running_here->allow_suspending();
}

namespace detail {
namespace legacy {
namespace {

struct Wait : TimerNode, Park, ReadyEntry, InterruptibleWait {
    Wait() noexcept { InterruptibleWait::interrupt = &Wait::interrupted; }

    TaskBase* task = nullptr;
    WaitOperation* operations = nullptr;
    std::size_t submitted = 0;
    std::size_t in_flight = 0;
    Woken outcome = Woken::event;
    bool ending = false;
    bool queued = false;  // to cancel the rest soon

    void end(Woken why) noexcept {
        ending = true;
        outcome = why;
        task->scheduler().disarm(*this);
    }
    void cancel_rest() noexcept {
        for (std::size_t i = 0; i < submitted; ++i) {
            if (!operations[i].finished) task->scheduler().reactor().cancel(operations[i]);
        }
    }
    void wake_when_empty() noexcept {
        if (in_flight == 0 && !queued) task->scheduler().make_ready(*task);
    }

    static bool interrupted(InterruptibleWait& wait) noexcept {
        auto& self = static_cast<Wait&>(wait);
        if (self.ending) return false;
        self.end(Woken::interrupted);
        self.cancel_rest();
        self.wake_when_empty();
        return true;
    }
    void say_closed(int fd) noexcept {
        try {
            log(LogLevel::warning, "coir: descriptor " + std::to_string(fd) + " was closed while task '" + task->name() +
                                       "' waits for it (" + what + "), which fails with EBADF");
        } catch (const std::bad_alloc&) {
            // Then it is not said.
        }
    }
    static void timer_fired(TimerNode& node) noexcept {
        auto& self = static_cast<Wait&>(node);
        if (self.ending) return;
        self.end(Woken::timeout);
        self.cancel_rest();
        self.wake_when_empty();
    }
    static void cancel_requested(Park& park, TaskBase&) noexcept {
        auto& self = static_cast<Wait&>(park);
        if (self.ending) return;
        self.end(Woken::cancelled);
        self.cancel_rest();
        self.wake_when_empty();
    }
    static void completed(Operation& base) noexcept {
        auto& operation = static_cast<WaitOperation&>(base);
        auto& self = *static_cast<Wait*>(operation.wait);
        operation.finished = true;
        --self.in_flight;
        self.task->scheduler().operation_ended();
        if (!self.ending) {
            // Nobody here has asked for it to be cancelled: the descriptor is being closed.
            const bool closed = operation.result == -ECANCELED;
            if (closed && debug_watches(DebugWord::fds)) [[unlikely]] self.say_closed(operation.fd);
            self.end(closed ? Woken::closed : Woken::event);
            self.queued = self.in_flight != 0;
            if (self.queued) self.task->scheduler().push_ready(self);
        }
        self.wake_when_empty();
    }
    static void its_turn(ReadyEntry& entry) noexcept {
        auto& self = static_cast<Wait&>(entry);
        self.queued = false;
        self.cancel_rest();
        self.wake_when_empty();
    }
};

}  // namespace

Scheduler* suspendable() noexcept {
    Scheduler* scheduler = running_here;
    if (!scheduler) return nullptr;
    const TaskBase* task = scheduler->current();
    if (!task || (regions && in_blocking_region(task))) return nullptr;
    return scheduler;
}

Scheduler* loop_here() noexcept { return running_here; }

ThreadShare thread_share() noexcept {
    return {running_here, handlers_here(), calls::held_signals_here()};
}

void share_thread(const ThreadShare& share) noexcept {
    running_here = share.loop;
    share_handlers(share.handlers);
    calls::share_held_signals(share.held_signals);
}

Sys& sys(Scheduler& loop) noexcept { return loop.sys(); }

// A reactor that makes the calls itself does one that needs no waiting at once.
bool readiness_only(Scheduler& loop) noexcept {
    Operation nothing;
    return loop.reactor().try_now(nothing);
}

void yield(Scheduler& loop) noexcept { loop.yield(); }

bool cancel_asked(Scheduler& loop) noexcept {
    const TaskBase& self = *loop.current();
    return self.cancel_pending() && !self.masked();
}

void closing(Scheduler& loop, int fd) noexcept { loop.fd_closing(fd); }

Woken wait_any(Scheduler& loop, WaitOperation* operations, std::size_t count, TimePoint deadline,
               const char* what, Interruptible interruptible) noexcept {
    if (cancel_asked(loop)) return Woken::cancelled;
    TaskBase& self = *loop.current();
    Wait wait;
    wait.fire = &Wait::timer_fired;
    wait.what = what;
    wait.Park::cancel = &Wait::cancel_requested;
    wait.run = &Wait::its_turn;
    wait.task = &self;
    wait.operations = operations;
    if (deadline != never) {
        try {
            loop.arm(wait, deadline);
        } catch (const std::bad_alloc&) {
            return Woken::no_memory;
        }
    }
    wait.in_flight = count;
    for (std::size_t i = 0; i < count; ++i) {
        operations[i].finished = false;
        operations[i].wait = &wait;
        operations[i].complete = &Wait::completed;
        loop.operation_started();
        wait.submitted = i + 1;
        loop.reactor().submit(operations[i]);
    }
    wait.expect_handlers(self, interruptible);
    loop.suspend(wait);
    wait.expect_no_handlers();
    // The deadline or the request came, and yet something was done: a result beats both.
    for (std::size_t i = 0; i < count && wait.outcome != Woken::closed; ++i) {
        if (operations[i].result != -ECANCELED) return Woken::event;
    }
    return wait.outcome;
}

Woken run_job(Scheduler& loop, Lane lane, void (*work)(void*), void* argument,
              const char* what) noexcept {
    if (cancel_asked(loop)) return Woken::cancelled;
    struct Job : PoolJob {
        void (*call)(void*);
        void* argument;
    } job;
    job.call = work;
    job.argument = argument;
    job.PoolJob::work = [](PoolJob& base) noexcept {
        auto& self = static_cast<Job&>(base);
        self.call(self.argument);
    };
    try {
        ThreadPoolCore& pool = lane == Lane::names ? loop.resolver_pool() : loop.pool();
        return run_pool_job(pool, job, what, nullptr, nullptr) ? Woken::event : Woken::cancelled;
    } catch (...) {
        return Woken::no_memory;
    }
}

}  // namespace legacy
}  // namespace detail
}  // namespace v0
}  // namespace coir
