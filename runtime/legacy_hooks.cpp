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
#include "scheduler.hpp"
#include "thread_pool.hpp"

#include <coir/error.hpp>
#include <coir/legacy.hpp>

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

// How many handlers have run on this thread, of all and of those without SA_RESTART: a wait that began
// later must not be ended by them. Written by handlers.
struct HandlerCounts {
    unsigned all = 0;
    unsigned interrupting = 0;
};

struct Wait;

// Of a kernel thread, whatever TLS block its tasks run on.
struct HandlerState {
    HandlerCounts ran;
    unsigned dealt_with = 0;  // how many of `ran.all` have ended the wait they end, if any
    // The waits of this thread's tasks that handlers can end, the oldest first.
    Wait* first = nullptr;
    Wait* last = nullptr;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local HandlerState own_handlers;
[[gnu::tls_model("initial-exec")]] constinit thread_local HandlerState* shared_handlers = nullptr;

HandlerState& handlers() noexcept { return shared_handlers ? *shared_handlers : own_handlers; }

unsigned count_of(const unsigned& count) noexcept {
    return __atomic_load_n(&count, __ATOMIC_RELAXED);
}

struct Wait : TimerNode, Park, ReadyEntry {
    TaskBase* task = nullptr;
    WaitOperation* operations = nullptr;
    std::size_t submitted = 0;
    std::size_t in_flight = 0;
    Woken outcome = Woken::event;
    bool ending = false;
    bool queued = false;  // to cancel the rest soon
    Interruptible interruptible = Interruptible::never;
    HandlerCounts began;
    Wait* older = nullptr;
    Wait* newer = nullptr;

    void expect_handlers(Interruptible which) noexcept {
        interruptible = which;
        if (which == Interruptible::never) return;
        HandlerState& here = handlers();
        began = {count_of(here.ran.all), count_of(here.ran.interrupting)};
        older = here.last;
        (older ? older->newer : here.first) = this;
        here.last = this;
    }
    void expect_no_handlers() noexcept {
        if (interruptible == Interruptible::never) return;
        HandlerState& here = handlers();
        (older ? older->newer : here.first) = newer;
        (newer ? newer->older : here.last) = older;
    }
    // By the nth handler that ran on this thread. (The counts wrap.)
    bool interrupted_by(unsigned nth) const noexcept {
        if (ending || static_cast<int>(nth - began.all) <= 0) return false;
        if (interruptible != Interruptible::restarts) return true;
        return began.interrupting != count_of(handlers().ran.interrupting);
    }
    void interrupt() noexcept {
        end(Woken::interrupted);
        cancel_rest();
        wake_when_empty();
    }

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
            self.end(operation.result == -ECANCELED ? Woken::closed : Woken::event);
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

// The oldest that the nth handler ends; null when there is none.
Wait* interrupted_wait(unsigned nth, bool pauses) noexcept {
    for (Wait* wait = handlers().first; wait; wait = wait->newer) {
        if ((wait->interruptible == Interruptible::pauses) == pauses && wait->interrupted_by(nth)) {
            return wait;
        }
    }
    return nullptr;
}

}  // namespace

void handler_ran(bool restarts) noexcept {
    HandlerState& here = handlers();
    __atomic_store_n(&here.ran.all, count_of(here.ran.all) + 1, __ATOMIC_RELAXED);
    if (!restarts) {
        __atomic_store_n(&here.ran.interrupting, count_of(here.ran.interrupting) + 1,
                         __ATOMIC_RELAXED);
    }
    if (running_here && __atomic_load_n(&here.first, __ATOMIC_RELAXED)) {
        running_here->signal_arrived();
    }
}

void handler_was_for(std::uint64_t task, bool restarts) noexcept {
    HandlerState& here = handlers();
    if (here.dealt_with != count_of(here.ran.all)) ++here.dealt_with;
    for (Wait* wait = here.first; wait; wait = wait->newer) {
        if (wait->task->id() != task || wait->ending) continue;
        if (restarts && wait->interruptible == Interruptible::restarts) return;
        return wait->interrupt();
    }
}

void interrupt_waits() noexcept {
    HandlerState& here = handlers();
    const unsigned ran = count_of(here.ran.all);
    // What ran before the oldest of these waits began ends none: of an earlier loop, say.
    const unsigned before = here.first ? here.first->began.all : ran;
    if (static_cast<int>(before - here.dealt_with) > 0) here.dealt_with = before;
    while (here.dealt_with != ran) {
        const unsigned nth = ++here.dealt_with;
        Wait* wait = interrupted_wait(nth, true);
        if (!wait) wait = interrupted_wait(nth, false);
        if (wait) wait->interrupt();
    }
}

Scheduler* suspendable() noexcept {
    Scheduler* scheduler = running_here;
    if (!scheduler) return nullptr;
    const TaskBase* task = scheduler->current();
    if (!task || (regions && in_blocking_region(task))) return nullptr;
    return scheduler;
}

Scheduler* loop_here() noexcept { return running_here; }

ThreadShare thread_share() noexcept {
    return {running_here, &handlers(), calls::held_signals_here()};
}

void share_thread(const ThreadShare& share) noexcept {
    running_here = share.loop;
    shared_handlers = static_cast<HandlerState*>(share.handlers);
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
    wait.expect_handlers(interruptible);
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
