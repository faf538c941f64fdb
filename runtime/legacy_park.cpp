// SPDX-License-Identifier: BSL-1.0
// Waits of libcoir-legacy that other threads end, and what tasks keep for it. See legacy_hooks.hpp.
//
//   parked --unpark() | timer | cancel request | end of the loop--> out of the queue --> ready
//
// Whoever takes the wait out of its queue, under the queue's lock, ends it; the others find it gone.
#include "legacy_hooks.hpp"

#include "backtrace.hpp"
#include "environment.hpp"
#include "interrupted_waits.hpp"
#include "scheduler.hpp"
#include "select_users.hpp"
#include "thread_pool.hpp"

#include <coir/log.hpp>

#include <new>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

void (*task_end)(void*& slot) = nullptr;

}  // namespace

void end_task_slot(void*& slot) {
    while (slot) task_end(slot);
}

namespace legacy {
namespace {

struct Parked : TimerNode, Park, Scheduler::Outside, InterruptibleWait {
    Parked() noexcept { InterruptibleWait::interrupt = &Parked::interrupted; }

    Parking* parking = nullptr;
    Woken outcome = Woken::event;

    bool give_up(Woken why) noexcept {
        if (!parking->withdraw(*parking)) return false;  // woken: that wins
        outcome = why;
        parking->task->scheduler().make_ready(*parking->task);
        return true;
    }
    static bool interrupted(InterruptibleWait& wait) noexcept {
        return static_cast<Parked&>(wait).give_up(Woken::interrupted);
    }
    static void timer_fired(TimerNode& node) noexcept {
        static_cast<Parked&>(node).give_up(Woken::timeout);
    }
    static void cancel_requested(Park& park, TaskBase&) noexcept {
        static_cast<Parked&>(park).give_up(Woken::cancelled);
    }
    // The task is abandoned: it never goes on, and nobody may wake it any more.
    static void loop_has_ended(Outside& outside) noexcept {
        Parking& abandoned = *static_cast<Parked&>(outside).parking;
        abandoned.withdraw(abandoned);
    }
};

// Another thread may end the wait, so that it is no deadlock. A virtual clock goes on all the same:
// it may as well be a task of this loop, which sleeps.
class OutsideJob {
public:
    explicit OutsideJob(Scheduler& loop) noexcept : loop_(loop) {
        loop_.job_started();
        loop_.sys().job_finished();
    }
    OutsideJob(const OutsideJob&) = delete;
    OutsideJob& operator=(const OutsideJob&) = delete;
    ~OutsideJob() {
        loop_.sys().job_started();
        loop_.job_finished();
    }

private:
    Scheduler& loop_;
};

}  // namespace

Woken park(Scheduler& loop, Parking& parking, TimePoint deadline, bool cancellable,
           const char* what, Interruptible interruptible) noexcept {
    Parked parked;
    parking.task = loop.current();
    parked.parking = &parking;
    parked.what = what;
    parked.fire = &Parked::timer_fired;
    parked.loop_ends = &Parked::loop_has_ended;
    if (cancellable) parked.Park::cancel = &Parked::cancel_requested;
    if (deadline != never) {
        try {
            loop.arm(parked, deadline);
        } catch (const std::bad_alloc&) {
            return Woken::no_memory;
        }
    }
    if (parking.join(parking)) {
        const OutsideJob job(loop);
        loop.add_outside(parked);
        parked.expect_handlers(*parking.task, interruptible);
        loop.suspend(parked);
        parked.expect_no_handlers();
        static_cast<Scheduler::Outside&>(parked).unlink();
    }
    loop.disarm(parked);
    return parked.outcome;
}

void unpark(Parking& parking, bool in_signal) noexcept {
    TaskBase& task = *parking.task;
    Scheduler& loop = task.scheduler();
    if (!in_signal && running_here == &loop) {
        loop.make_ready(task);
    } else {
        static_cast<void>(loop.post_last(task));
    }
}

bool run_waiting_job(Scheduler& loop, void (*work)(void*), void* argument,
                     const char* what) noexcept {
    struct Job : PoolJob {
        void (*call)(void*) = nullptr;
        void* argument = nullptr;
    } job;
    job.call = work;
    job.argument = argument;
    job.PoolJob::work = [](PoolJob& base) noexcept {
        auto& self = static_cast<Job&>(base);
        self.call(self.argument);
    };
    TaskBase& self = *loop.current();
    bool ran = false;
    self.mask();
    try {
        ran = run_pool_job(loop.waiting_pool(), job, what, nullptr, nullptr);
    } catch (...) {
        // No thread: the caller waits itself.
    }
    self.unmask();
    return ran;
}

std::uint64_t task_id() noexcept {
    const TaskBase* task = current_task_state();
    return task ? task->id() : 0;
}

void** task_slot() noexcept { return running_here ? running_here->task_slot() : nullptr; }

void on_task_end(void (*end)(void*& slot)) noexcept { task_end = end; }

bool add_switch_hook(void (*out)(void*), void (*in)(void*), void* argument) noexcept {
    try {
        running_here->add_switch_hook({out, in, argument});
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

bool has_switch_hook(const void* argument) noexcept {
    return running_here->has_switch_hook(argument);
}

void remove_switch_hook(void* argument) noexcept { running_here->remove_switch_hook(argument); }

const char* waits_for() noexcept {
    const Park* park = running_here->current()->park();
    return park ? park->what : nullptr;
}

void warn_of_task(const char* text) noexcept {
    try {
        log(LogLevel::warning, "coir: task '" + running_here->current()->name() + "' " + text);
    } catch (const std::bad_alloc&) {
        log(LogLevel::warning, text);
    }
}

void warn_of_call(const std::string& text, const void* caller) noexcept {
    try {
        const TaskBase* const task = running_here ? running_here->current() : nullptr;
        log(LogLevel::warning, "coir: " + (task ? "task '" + task->name() + "' " : "a callback of the loop ") +
                                   text + "; called at " + describe_frames(&caller, 1, ""));
    } catch (const std::bad_alloc&) {
        // Then it is not said.
    }
}

void note_descriptor(int fd) noexcept {
    if (fd >= near_the_end_of_select) warn_of_select(fd);
}

void warn_with_loops(const std::string& line) { detail::warn_with_loops(line); }

bool watches_locks() noexcept { return debug_watches(DebugWord::locks); }
bool watches_descriptors() noexcept { return debug_watches(DebugWord::fds); }
bool watches_calls() noexcept { return debug_watches(DebugWord::passthrough); }

}  // namespace legacy
}  // namespace detail
}  // namespace v0
}  // namespace coir
