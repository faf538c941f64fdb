// SPDX-License-Identifier: BSL-1.0
// The loop: suspending, the turn, timers, posts. See scheduler.hpp.
#include "scheduler.hpp"

#include "environment.hpp"
#include "leave.hpp"
#include "legacy_hooks.hpp"
#include "loop_signals.hpp"
#include "overflow.hpp"
#include "step_watch.hpp"
#include "debug_table.hpp"
#include "thread_pool.hpp"

#include "../reactors/registry.hpp"

#include <coir/detail/futex_lock.hpp>
#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/log.hpp>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <pthread.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::int32_t steps_per_poll = 256;

constinit MadeOnce<bool> layer_checked;

}  // namespace

[[gnu::tls_model("initial-exec"), gnu::visibility("hidden")]] constinit thread_local Scheduler*
    running_here = nullptr;

namespace {

// Apart from those who call it: they would save registers for the making of the message.
[[noreturn, gnu::noinline]] void throw_not_here(const char* call, const char* why) {
    if (in_forked_child()) throw_forked(call);
    throw std::logic_error(std::string("coir: ") + call + why);
}

}  // namespace

Scheduler& running_scheduler(const char* call) {
    Scheduler* scheduler = running_here;
    if (!scheduler) [[unlikely]] throw_not_here(call, " needs a running loop (coir::run)");
    return *scheduler;
}

TaskBase* current_task_state() noexcept { return running_here ? running_here->current() : nullptr; }

TaskBase& require_task(const char* call) {
    TaskBase* task = current_task_state();
    if (!task) [[unlikely]] throw_not_here(call, " suspends and can only be called in a task");
    return *task;
}

Scheduler::Scheduler(EventLoop& owner, RunOptions options)
    : owner_(&owner), options_(apply_environment(std::move(options))) {
    require_busy_poll(options_.busy_poll);
    static_cast<void>(layer_checked.get([] { return (check_switch_layer(), true); }));
    ReactorChoice choice = choose_reactor(options_.reactor);
    take_reactor(std::move(choice.reactor));
    reactor_choice_ = std::move(choice.why);
    sys_ = reactor_->world() ? reactor_->world() : &real_sys();
    chooser_ = sys_->picks() ? sys_ : nullptr;
    eager_tasks_ = options_.eager_tasks;
    detached_aborts_ = detached_failure_aborts();
    set_debug(options_.debug);
    if (debug_watches(DebugWord::fds)) owned_fds_.keep_traces();
    stacks_ = std::make_unique<StackPool>(*sys_, options_.stack_guard, options_.wipe_stacks);
    default_stacks_ = &stacks_->class_for(options_.stack_size);
    stacks_->class_for(options_.main_stack_size);
    completions_.reserve_events(256);
    timers_.keep_room();
    thread_ = ThreadState::of_this_thread();
    stop_mark_.scheduler = this;
    stop_mark_.run = [](ReadyEntry& entry) noexcept {
        auto& mark = static_cast<StopMark&>(entry);
        mark.queued = false;
        mark.scheduler->leave_ = true;
    };
    watch_forks();
    register_scheduler(*this);
}

Scheduler::~Scheduler() = default;

// --- Suspending ---------------------------------------------------------------------------------

inline ReadyEntry* Scheduler::pop_ready() noexcept {
    ReadyEntry* entry = ready_head_;
    if (!entry) return nullptr;
    ready_head_ = entry->next_ready;
    if (ready_head_) {
        prefetch(*ready_head_);
    } else {
        ready_tail_ = &ready_head_;
    }
    return entry;
}

// One of the first entries before the stop mark, which keeps its place. Not of all: with many
// thousands of them a run would take quadratic time.
ReadyEntry* Scheduler::take_chosen() noexcept {
    constexpr std::size_t choices = 256;
    std::uint64_t tasks[choices];
    std::size_t count = 0;
    for (ReadyEntry* e = ready_head_; e && e != &stop_mark_ && count < choices; e = e->next_ready) {
        tasks[count++] = e->run ? 0 : static_cast<const TaskBase&>(*e).id();
    }
    std::size_t skip = count > 1 ? chooser_->pick_entry(tasks, count) : 0;
    ReadyEntry** link = &ready_head_;
    if (!*link) return nullptr;
    while (skip-- > 0) link = &(*link)->next_ready;
    ReadyEntry* entry = *link;
    *link = entry->next_ready;
    if (!*link) ready_tail_ = link;
    return entry;
}

// splitmix64, seeded once: a system call for every number would cost more than a switch.
std::size_t Scheduler::draw(std::size_t count) noexcept {
    if (chooser_) return chooser_->pick(count);
    if (random_state_ == 0) random_state_ = sys_->random();
    std::uint64_t mixed = random_state_ += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return static_cast<std::size_t>((mixed ^ (mixed >> 31)) % count);
}

// How many steps may pass until next_entry_slowly() is to look; none past the one that has to be a look at
// the world.
void Scheduler::set_step_budget() noexcept {
    const std::int32_t before_look = steps_per_poll - steps_since_poll_;
    chunk_ = looks_at_each_step() ? 1
             : before_look > 0    ? std::min(steps_per_sample_, before_look)
                                  : steps_per_sample_;
    steps_left_ = chunk_;
}

// True when the loop may go on with ready entries without looking at anything else.
bool Scheduler::may_go_on() noexcept {
    const bool each = looks_at_each_step();
    steps_since_poll_ += chunk_;
    const bool may_put_off = quiet_ || wait_pause_.count() != 0;
    if (steps_since_poll_ >= steps_per_poll && !may_put_off) return false;
    if (each && !debug_ && steps_since_poll_ % most_steps_per_sample != 0) return true;
    const TimePoint time = now();
    if (!each) fit_samples(time);
    if (steps_since_poll_ >= steps_per_poll) return puts_off_look(time);
    // One step after each look, however long it took: looks alone get nothing done.
    return steps_since_poll_ == 1 || is_soon_after_look(time);
}

[[gnu::noinline]] ReadyEntry* Scheduler::next_entry_slowly() noexcept {
    if (debug_) check_step_time();
    if (step_watch_) [[unlikely]] step_watch_->ends();
    const bool asked_before = steps_left_ < 0;
    steps_left_ = 0;  // until the loop has looked
    if (of_parent_) return nullptr;
    if (eager_depth_ != 0) [[unlikely]] return pop_ready();  // the creator goes on before all else
    if (asked_before || !may_go_on()) return nullptr;
    set_step_budget();
    ReadyEntry* const entry = chooser_ ? take_chosen() : pop_ready();
    if (step_watch_) [[unlikely]] step_begins(entry);
    return entry;
}

// The next ready entry; null when there is none or when it is time to look at the world.
inline ReadyEntry* Scheduler::next_entry() noexcept {
    if (--steps_left_ <= 0) [[unlikely]] return next_entry_slowly();
    ReadyEntry* entry = pop_ready();
    if (!entry) ++steps_left_;  // looking is not a step
    return entry;
}

[[gnu::noinline]] void Scheduler::make_fiber(StackSlot& slot) noexcept {
    make_context(slot.idle_fiber, slot.top(), slot.size(), &fiber_main, this);
}

// Gives a task that is to begin its stack, with the fiber that sleeps there or a new one.
[[gnu::noinline]] void Scheduler::bind_stack(TaskBase& task) noexcept {
    StackSlot& slot = task.stack_class_->take();
    if (!slot.idle_fiber.stack_pointer) [[unlikely]] make_fiber(slot);
    task.context_ = slot.idle_fiber;
    occupy(slot, task);
}

inline void Scheduler::occupy(StackSlot& slot, TaskBase& task) noexcept {
    task.stack_ = &slot;
    task.started_ = true;
    slot.owner.store(&task, std::memory_order_relaxed);
}

// A task that has ended leaves its fiber, and the promise of a stack, to one that has not begun.
inline void Scheduler::pass_fiber_on(StackSlot& slot, TaskBase& task) noexcept {
    task.stack_class_->unreserve();
    task.context_.sanitizer = slot.idle_fiber.sanitizer;
    occupy(slot, task);
    current_ = &task;
    credits_ = credits_per_step;
}

// Whose turn it is now: a task's context, or the loop's own, which then deals with a callback or
// with having nothing.
inline FiberContext* Scheduler::enter_next(ReadyEntry* next) noexcept {
    if (next && !next->run) [[likely]] {
        TaskBase& task = static_cast<TaskBase&>(*next);
        if (!task.started_) [[unlikely]] bind_stack(task);
        current_ = &task;
        credits_ = credits_per_step;
        return &task.context_;
    }
    handed_over_ = next;
    current_ = nullptr;
    return &loop_context_;
}

[[gnu::noinline]] void Scheduler::leave_slowly(TaskBase& self) noexcept {
    if (suspending_forbidden_ != 0) [[unlikely]] fail_forbidden_switch();
    if (!switch_hooks_.empty()) [[unlikely]] call_switch_hooks_out();
    FiberContext* to = enter_next(next_entry());
    if (to != &self.context_) switch_context(thread_, self.context_, *to);  // else: alone
    if (!switch_hooks_.empty()) [[unlikely]] call_switch_hooks_in();
}

// For a task that has not begun.
[[gnu::noinline]] void Scheduler::leave_for_new(TaskBase& self) noexcept {
    bind_stack(static_cast<TaskBase&>(*ready_head_));
    leave_current(self);
}

void Scheduler::suspend(Park& park) noexcept { suspend_inline(park); }

[[gnu::always_inline]] inline void Scheduler::yield_here(TaskBase& self) noexcept {
    yielded_ = true;
    const bool alone = !ready_head_;
    push_ready(self);
    if (alone) [[unlikely]] return leave_slowly(self);
    leave_current(self);
}

void Scheduler::yield() noexcept { yield_here(*current_); }

[[gnu::noinline]] void Scheduler::yield_after_check() {
    TaskBase& self = require_task("yield_now");
    self.check_deadlines_and_cancelled();
    self.scheduler().yield();
}

// Here, and not beside the other suspension points, so that the whole path is one function.
[[gnu::hot]] void Scheduler::yield_now(Scheduler* scheduler) {
    TaskBase* self = scheduler ? scheduler->current_ : nullptr;
    if (!self || self->cancel_pending_) [[unlikely]] return yield_after_check();
    scheduler->yield_here(*self);
}

// What every fiber does: run tasks, one after another. Without one it sleeps on its stack, in the pool,
// rather than end: that is cheaper than a new one (and keeps the processor's return stack paired).
void Scheduler::fiber_main(void* argument) {
    Scheduler& scheduler = *static_cast<Scheduler*>(argument);
    StackSlot& slot = *scheduler.current_->stack_;  // a fiber stays on its stack
    StackClass* const stacks = slot.slab->stacks;
    for (;;) {
        scheduler.float_control_.apply();
        scheduler.current_->execute();  // the task may be gone now
        ReadyEntry* next = scheduler.next_entry();
        if (next && !next->run) {
            TaskBase& task = static_cast<TaskBase&>(*next);
            if (!task.started_ && task.stack_class_ == stacks && !stacks->wipes()) {
                scheduler.pass_fiber_on(slot, task);
                continue;
            }
        }
        // Nothing takes a stack of this class before the switch: enter_next() could have, but for
        // the case that has just been dealt with.
        FiberContext* to = scheduler.enter_next(next);
        stacks->put(slot);
        switch_context(scheduler.thread_, slot.idle_fiber, *to);
    }
}

}  // namespace detail

void yield_now() { detail::Scheduler::yield_now(detail::running_here); }

namespace detail {

// --- The turn -----------------------------------------------------------------------------------

// Runs ready entries until there is none, or until it is time to look at the world again.
[[gnu::hot]] void Scheduler::run_ready() {
    while (!leave_) {
        ReadyEntry* entry = handed_over_ ? std::exchange(handed_over_, nullptr) : next_entry();
        if (!entry) return;
        if (entry->run) {
            credits_ = credits_per_step;
            entry->run(*entry);
        } else {
            TaskBase& task = static_cast<TaskBase&>(*entry);
            if (!task.started_) bind_stack(task);
            current_ = &task;
            credits_ = credits_per_step;
            switch_context(thread_, loop_context_, task.context_);
        }
        if (debug_) [[unlikely]] step_began_ = now();
    }
}

void Scheduler::run_turns() {
    if (std::exchange(stop_early_, false)) {
        // One turn that does not sleep: of what is queued, due and readable by now.
        poll(false);
        stop();
    }
    while (!leave_) {
        poll(true);
        run_ready();
    }
    leave_ = false;
}

// One look at the world: posts, signals, timers, I/O. Sleeps only when nothing is ready.
//                                                                            // await path 5/7
[[gnu::hot]] void Scheduler::poll(bool may_sleep) {
    if (of_parent_) [[unlikely]] throw_forked("running a loop");
    ++turns_;
    drain_inbox();
    handle_signals();
    if (hooks_) [[unlikely]] hooks_->before_poll();

    const TimePoint deadline = sleep_limit(may_sleep);
    const auto found = deadline != past ? poll_busily(deadline) : std::nullopt;
    const bool sleeps = deadline != past && !found && inbox_.prepare_sleep();
    if (sleeps) idle_.fall_asleep(now());
    const WaitResult result = found ? *found
                              : sleeps && waiting_for_nothing_
                                  ? wait_in_silence(deadline)
                                  : reactor_->wait(sleeps ? deadline : past, completions_);
    last_poll_ = now();
    wait_pause_ = reactor_->wait_pause();
    if (sleeps) {
        inbox_.finish_sleep();
        idle_.wake_up(last_poll_);
    }
    if (result.error != 0) [[unlikely]] {
        if (result.error == -EDEADLK) {  // a simulated world knows
            throw DeadlockError("coir: all tasks wait, and nothing in the simulated world can wake "
                                "them:\n" + describe_tasks());
        }
        if (result.error == -ETIME) {
            throw DeadlockError("coir: the simulation does not come to an end; its tasks:\n" + describe_tasks());
        }
        throw IoError(-result.error, "wait of the " + std::string(reactor_->name()) + " reactor");
    }
    if (result.woken) ++wakes_;
    quiet_ = completions_.size() == 0 && completions_.events().empty() && !result.woken;
    deliver(completions_);
    drain_inbox();
    handle_signals();
    if (hooks_) [[unlikely]] {
        if (ReadyEntry* check = hooks_->after_poll()) push_ready(*check);
    }
    if (!timers_.empty()) fire_timers();
    if (waiting_for_nothing_) [[unlikely]] report_deadlock();
    // A chunk that was not used up has not been counted.
    if (steps_left_ > 1) steps_since_poll_ += chunk_ - steps_left_;
    steps_ += static_cast<std::uint64_t>(steps_since_poll_);
    steps_since_poll_ = 0;
    yielded_ = false;
    set_step_budget();
    if (debug_) [[unlikely]] step_began_ = last_poll_;
}

bool Scheduler::collect(Nanoseconds limit) noexcept {
    const WaitResult result = reactor_->wait(saturating_add(now(), limit), completions_);
    deliver(completions_);
    return result.error == 0;
}

void Scheduler::drain_inbox() noexcept {
    if (inbox_.empty()) return;
    for (ReadyEntry* entry = inbox_.take(); entry;) {
        ReadyEntry* next = entry->next_ready;
        if (!entry->run) static_cast<TaskBase&>(*entry).park_ = nullptr;
        push_ready(*entry);
        entry = next;
    }
}

// Timers that are armed by what fires here wait for the next turn.
void Scheduler::fire_timers() noexcept {
    const TimePoint time = now();
    const std::uint64_t armed_until = timers_.sequence();
    while (TimerNode* node = timers_.pop_due(time, armed_until)) node->fire(*node);
}

void Scheduler::handle_signals() noexcept {
    // In one order with the handler's store and wake(): either this sees it, or the next wait ends.
    if (!signalled_.load()) [[likely]] return;
    signalled_.store(false);
    if (const int signo = interrupt_.exchange(0); signo != 0 && main_task_) {
        interrupted_by_ = signo;
        main_task_->cancel_requested({});
    }
    if (signals_) signals_->deliver();
    legacy::interrupt_waits();
}

bool Scheduler::post(ReadyEntry& entry) noexcept {
    if (of_parent_) [[unlikely]] return false;
    switch (inbox_.push(entry)) {
        case Inbox::Push::closed:
            return false;
        case Inbox::Push::queued_wake:
            reactor_->wake();
            inbox_.wake_done();
            return true;
        case Inbox::Push::queued:
            break;
    }
    return true;
}

// --- Running ------------------------------------------------------------------------------------

void Scheduler::throw_closed(const char* call) {
    throw std::logic_error(std::string("coir: ") + call + " on a closed loop");
}

void Scheduler::throw_wrong_thread(const char* call) {
    throw WrongThreadError(std::string("coir: ") + call +
                           " was called outside the loop it belongs to; from other threads use "
                           "call_soon_threadsafe");
}

bool Scheduler::bound_elsewhere() const noexcept {
    const int* bound_to = bound_to_;
    return bound_to && bound_to != ThreadState::of_this_thread().error_number;
}

bool Scheduler::bound_here() const noexcept { return bound_to_ && !bound_elsewhere(); }

void Scheduler::enter() {
    require_open("run");
    if (of_parent_) throw_forked("running a loop");
    if (running_here) {
        throw std::logic_error("coir: a loop is already running on this thread; inside it, call "
                               "functions directly or create tasks");
    }
    if (running_) throw std::logic_error("coir: the loop is running on another thread");
    if (bound_elsewhere()) {
        throw WrongThreadError("coir: a loop must always be run on the thread that ran it first");
    }
    thread_ = ThreadState::of_this_thread();
    float_control_ = FloatControl::of_this_thread();
    prepare_overflow_reports();
    bind_to_this_thread();
    ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state_);
    loop_context_.sanitizer = make_sanitizer_fiber(nullptr, 0);
    running_here = this;
    running_ = true;
    deadlock_said_ = false;
    inbox_.finish_sleep();
    steps_left_ = 1;
    last_poll_ = now();
}

void Scheduler::bind_to_this_thread() noexcept {
    if (bound_to_) return;
    reactor_->attach();
    bound_to_ = ThreadState::of_this_thread().error_number;
}

void Scheduler::exit() noexcept {
    // A foreign main loop may be about to sleep on fd(): posts must wake it. What has been posted by
    // now shows in has_ready() and next_timeout().
    static_cast<void>(inbox_.prepare_sleep());
    running_ = false;
    running_here = nullptr;
    destroy_sanitizer_fiber(std::exchange(loop_context_.sanitizer, nullptr));
    ::pthread_setcancelstate(cancel_state_, nullptr);
    leave_ = false;
}

void Scheduler::run_until_stopped() {
    Running running(*this);
    run_turns();
}

bool Scheduler::run_once(RunMode mode) {
    Running running(*this);
    const bool may_wait = !std::exchange(stop_early_, false) && mode == RunMode::wait;
    poll(may_wait);
    if (!ready_head_) return false;
    const bool any = !hooks_ || !hooks_->is_all(ready_head_);
    const bool was_queued = stop_mark_.queued;
    if (!was_queued) stop();
    // Nothing but the mark ends this: a full turn's entries may be more than a poll's worth.
    while (!leave_) {
        run_ready();
        if (!leave_) poll(false);
    }
    return any;
}

void Scheduler::stop() noexcept {
    if (!running_) {
        stop_early_ = true;
        return;
    }
    if (stop_mark_.queued) return;
    stop_mark_.queued = true;
    push_ready(stop_mark_);
}

void Scheduler::run_until_done(StateBase& state) {
    Running running(*this);
    struct Leave : Waiter {
        explicit Leave(Scheduler& on) noexcept : Waiter(nullptr), scheduler(on) {
            notify = [](Waiter& self) noexcept { static_cast<Leave&>(self).scheduler.stop(); };
        }
        ~Leave() { unlink(); }  // harmless when it is not linked
        Scheduler& scheduler;
    } when_done(*this);
    if (state.done()) return;
    state.add_waiter(when_done);
    run_turns();
    if (!state.done()) {
        throw std::logic_error("coir: the loop was stopped before the future was done");
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
