// SPDX-License-Identifier: BSL-1.0
// The scheduler: one per loop. It knows tasks and never descriptors.
//
// A suspending task picks the next entry of the ready queue and, if that is a task too, switches to
// it directly; callbacks, polling and everything else happen on the loop's own stack. The turn of
// the loop is run_turns() in scheduler.cpp.
//
// Threads: all members belong to the loop's thread, but for those marked "any thread".
#pragma once

#include "block_pool.hpp"
#include "creation_traces.hpp"
#include "counter.hpp"
#include "fd_watch.hpp"
#include "fiber_switch.hpp"
#include "idle_time.hpp"
#include "inbox.hpp"
#include "loop_hooks.hpp"
#include "stack.hpp"
#include "timer_heap.hpp"

#include <coir/detail/futex_lock.hpp>
#include <coir/detail/callback.hpp>
#include <coir/detail/sys.hpp>
#include <coir/detail/task_state.hpp>
#include <coir/event_loop.hpp>
#include <coir/reactor.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <typeinfo>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

class LoopSignals;
class StepWatch;
class ThreadPoolCore;
struct TaskOperation;

// Aligned so that it is all in one page: what follows each system call has to look up what it touches.
class alignas(2048) Scheduler {
public:
    Scheduler(EventLoop& owner, RunOptions options);
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    // --- Suspending and making ready (scheduler.cpp) ---

    /// The running task; null on the loop's own stack.
    TaskBase* current() const noexcept { return current_; }
    /// Suspends the current task, which `park` describes, until make_ready(). Never throws.
    void suspend(Park& park) noexcept;
    /// The same where a call would count (leave.hpp).
    void suspend_inline(Park& park) noexcept;
    /// Queues a suspended task. Each suspension is ended exactly once.
    void make_ready(TaskBase& task) noexcept {
        task.park_ = nullptr;  // a cancel request that comes now finds nothing to interrupt
        push_ready(task);
    }
    void push_ready(ReadyEntry& entry) noexcept {
        entry.next_ready = nullptr;
        *ready_tail_ = &entry;
        ready_tail_ = &entry.next_ready;
    }
    /// Goes to the end of the ready queue; not a cancellation point.
    void yield() noexcept;
    /// The body of coir::yield_now(); `scheduler` is this thread's, or null.
    static void yield_now(Scheduler* scheduler);
    /// Spends one of the step's credits for a call that did not suspend; yields at zero.
    void spend_credit() noexcept {
        if (--credits_ == 0) [[unlikely]] yield();
    }

    /// A number below `count`, each with the same chance; in the simulator the seed decides.
    std::size_t draw(std::size_t count) noexcept;

    // --- Tasks ---
    void start(TaskBase& task, const TaskOptions* options, const void* site);
    /// The slot of the running task or callback; null when there is neither (context.cpp).
    ContextSlot* context_here() noexcept;
    /// Lets what follows run in another context than the running task's; returns what was set before.
    ContextSlot* exchange_context(ContextSlot* slot) noexcept {
        return std::exchange(context_override_, slot);
    }
    /// A task has ended with this outcome.
    void release_context(TaskBase& task, Outcome outcome) noexcept;
    void finish(TaskBase& task) noexcept;
    static void lose_outcome(TaskBase& task) noexcept;
    IntrusiveList<TaskBase>& tasks() noexcept { return tasks_; }
    std::size_t tasks_alive() const noexcept { return tasks_alive_; }

    // --- Time ---
    TimePoint now() noexcept { return sys_->now(); }
    void arm(TimerNode& node, TimePoint when) { timers_.arm(node, when); }
    void disarm(TimerNode& node) noexcept { timers_.disarm(node); }
    /// Which look at the world this is: differs between two polls.
    std::uint64_t turn() const noexcept { return turns_; }

    // --- I/O (await_operation.cpp) ---

    /// Carries out an operation for the current task: returns its result, or throws
    /// CancelledError. `what` names it in dumps.
    std::int32_t perform(TaskOperation& operation, const char* what);
    std::int32_t perform_in_pool(TaskOperation& operation, const char* what);
    /// perform() for `self`, the current task, where there is no cancel request, of what the reactor
    /// takes (carry_out.hpp).
    std::int32_t carry_out(TaskOperation& operation, TaskBase& self, const char* what);
    /// Whether the reactor takes receives and sends.
    bool carries_streams() const noexcept { return carries_streams_; }
    /// An operation that a task waits for has completed: makes that ready.
    void finish_operation(TaskOperation& operation) noexcept;
    Reactor& reactor() noexcept { return *reactor_; }
    Sys& sys() noexcept { return *sys_; }
    /// Tells a world that picks.
    void note_cancel(const TaskBase& task, bool by_timeout) noexcept {
        if (chooser_) [[unlikely]] chooser_->cancel_asked(task.id(), by_timeout);
    }
    void operation_started() noexcept { ++in_flight_; }
    void operation_ended() noexcept { --in_flight_; }
    /// Must come before coir closes or gives away a descriptor.
    void fd_closing(int fd) noexcept;
    /// The callbacks of add_reader() and add_writer(); made at the first use.
    FdWatches& fd_watches();
    bool unwatch(int fd, FdSide side) const noexcept;
    OwnedFds& owned_fds() noexcept { return owned_fds_; }
    /// Takes what the reactor has, waiting for at most `limit`: for the end of the loop. False when
    /// the reactor is broken.
    bool collect(Nanoseconds limit) noexcept;

    // --- Other threads ---

    /// Any thread. False: the loop is closed and `entry` was not taken.
    bool post(ReadyEntry& entry) noexcept;
    /// The same for who gives the last reference to something of this loop away, and with it what
    /// keeps the loop's memory: it is kept for the time of the call.
    bool post_last(ReadyEntry& entry) noexcept {
        last_posts_.fetch_add(1, std::memory_order_relaxed);
        const bool posted = post(entry);
        last_posts_.fetch_sub(1, std::memory_order_release);
        return posted;
    }
    /// Makes ready what has been posted.
    void drain_inbox() noexcept;
    /// A job outside that will post when it is done: it keeps the deadlock detector quiet.
    void job_started() noexcept {
        ++external_jobs_;
        sys_->job_started();
    }
    void job_finished() noexcept {
        --external_jobs_;
        sys_->job_finished();
    }
    /// Something outside that is told, on the loop, when the loop is about to be closed.
    struct Outside : ListLink {
        void (*loop_ends)(Outside&) noexcept = nullptr;
    };
    void add_outside(Outside& outside) noexcept { outside_.push_back(outside); }
    ThreadPoolCore& pool();
    ThreadPoolCore& resolver_pool();
    /// For what waits for other threads, perhaps without end.
    ThreadPoolCore& waiting_pool();

    // --- Running (scheduler.cpp) ---
    void run_until_stopped();
    bool run_once(RunMode mode);
    void stop() noexcept;
    void request_leave() noexcept { leave_ = true; }
    void run_until_done(StateBase& state);
    void close();
    /// For a loop that could not be closed and is about to go.
    void give_up() noexcept;
    void after_fork_in_child();
    /// In the child of a fork (fork.cpp).
    void left_to_parent() noexcept;
    void discard_callbacks() noexcept;
    bool running() const noexcept { return running_; }
    bool closed() const noexcept { return closed_; }
    /// The hooks of the turn; made at the first use.
    LoopHooks& hooks();
    bool remove_hook(std::uint64_t id) noexcept { return hooks_ && hooks_->remove(id); }
    /// From now on the loop can only be run on this thread.
    void bind_to_this_thread() noexcept;
    void require_open(const char* call) const;
    void require_thread(const char* call) const;
    [[noreturn]] static void throw_wrong_thread(const char* call);
    [[noreturn]] static void throw_closed(const char* call);
    /// Whether this loop may be used here: it runs on this thread, or does not run and is not bound
    /// to another one. Any thread.
    bool usable_here() const noexcept;
    bool bound_elsewhere() const noexcept;
    /// Whether only this thread may run it.
    bool bound_here() const noexcept;

    /// The current task's pointer for libcoir-legacy; null outside tasks.
    void** task_slot() noexcept { return current_ ? &current_->stack_->legacy : nullptr; }

    // --- Errors ---
    void report(const ExceptionContext& context) noexcept;
    /// The same for the exception that is being handled.
    void report_current(const char* message, const CallbackBase* callback = nullptr) noexcept;
    /// An error that nobody has looked at: reported, in full unless there are very many of them.
    void report_unretrieved(StateBase& state) noexcept;
    /// Debug mode: a task whose result nobody has asked for.
    void report_never_awaited(const TaskBase& task) noexcept;
    void set_exception_handler(std::function<void(const ExceptionContext&)> handler);

    // --- Memory ---
    /// The EventLoop is being destroyed; deletes the scheduler once no handle needs its memory.
    void orphan() noexcept;
    void* allocate_block(std::size_t size, std::uint16_t& block_class) {
        return blocks_.allocate(size, block_class);
    }
    void free_block(void* memory, std::uint16_t block_class) noexcept {
        if (block_class == 0 || traces_ || closed_.load(std::memory_order_relaxed)) [[unlikely]] {
            free_block_slowly(memory, block_class);
        } else {
            blocks_.free(memory, block_class);
        }
    }
    /// Debug mode: keeps where a task, future or callback is being created.
    void note_creation(const void* memory) noexcept;
    /// Where the object in this memory was created, a line per frame; empty when it is not known.
    std::string describe_creation(const void* memory) const;

    // --- For handles and tools ---
    /// Which loop this is: no other one of the process has, or had, the same. Not 0.
    std::uint64_t serial() const noexcept { return serial_; }
    EventLoop& owner() noexcept { return *owner_; }
    const EventLoop& owner() const noexcept { return *owner_; }
    const RunOptions& options() const noexcept { return options_; }
    const std::string& reactor_choice() const noexcept { return reactor_choice_; }
    void set_debug(bool on) noexcept;
    bool debug() const noexcept { return debug_; }
    LoopMetrics metrics() const;
    int fd() noexcept { return reactor_ ? reactor_->pollable_fd() : -1; }
    std::optional<Nanoseconds> next_timeout();
    bool has_ready() const noexcept {
        return ready_head_ != nullptr || (!closed_ && !inbox_.empty()) || signalled_.load();
    }
    /// `task` has ended normally although it was thrown a CancelledError.
    void swallowed_cancel(const TaskBase& task) noexcept;
    /// Who waits for what, a line per task.
    std::string describe_tasks();
    std::string describe_task(TaskBase& task);
    /// To be called when a task is left and when it goes on; see coir_on_switch().
    struct SwitchHook {
        void (*out)(void*);
        void (*in)(void*);
        void* argument;
    };
    void add_switch_hook(SwitchHook hook) {
        switch_hooks_.push_back(hook);
        watch_switches();
    }
    bool has_switch_hook(const void* argument) const noexcept;
    void remove_switch_hook(const void* argument) noexcept;
    void task_begins() noexcept {
        if (!switch_hooks_.empty()) [[unlikely]] call_switch_hooks_in();
    }
    void task_ends() noexcept {
        if (!switch_hooks_.empty()) [[unlikely]] call_switch_hooks_out();
    }
    /// Until it is allowed again, a switch of tasks ends the process; these nest.
    void forbid_suspending() noexcept {
        ++suspending_forbidden_;
        watch_switches();
    }
    void allow_suspending() noexcept { --suspending_forbidden_; }
    /// Debug mode, at the end of a step of the current task, or of `callback`: says so if it was
    /// slow.
    void check_step_time(const CallbackBase* callback = nullptr) noexcept;
    /// Return addresses of a suspended task, innermost first.
    int capture_stack(TaskBase& task, void** addresses, int most) noexcept;

    // --- Signals (loop_signals.cpp, and signal_table.cpp for the process) ---

    LoopSignals& signals();
    /// Something has come for this loop. Any thread, and signal handlers.
    void signal_arrived() noexcept;
    /// SIGINT or SIGTERM has come (async-signal-safe): cancels the main task at the next turn.
    void interrupt(int signo) noexcept;
    /// Null or a task that has not ended: its context is kept at its end.
    void set_main_task(TaskBase* task) noexcept { main_task_ = task; }
    int interrupted_by() const noexcept { return interrupted_by_; }
    /// The error of a detached task that has cancelled the main task, if one has.
    std::exception_ptr take_detached_failure() noexcept {
        return std::exchange(detached_failure_, nullptr);
    }
    void clear_interrupt() noexcept {
        interrupt_.store(0, std::memory_order_relaxed);
        interrupted_by_ = 0;
    }

private:
    friend struct DebugTableAccess;
    ~Scheduler();
    void delete_this() noexcept;

    static void fiber_main(void* scheduler);
    ReadyEntry* pop_ready() noexcept;
    ReadyEntry* take_chosen() noexcept;
    ReadyEntry* next_entry() noexcept;
    bool may_go_on() noexcept;
    void fit_samples(TimePoint time) noexcept;
    bool tasks_compute() const noexcept;
    bool is_soon_after_look(TimePoint time) const noexcept;
    FiberContext* enter_next(ReadyEntry* next) noexcept;
    static void prefetch(const ReadyEntry& coming) noexcept;
    void leave_current(TaskBase& self) noexcept;
    void leave_slowly(TaskBase& self) noexcept;
    void leave_for_new(TaskBase& self) noexcept;
    void yield_here(TaskBase& self) noexcept;
    static void yield_after_check();
    void free_block_slowly(void* memory, std::uint16_t block_class) noexcept;
    void free_orphan(void* memory, std::uint16_t block_class) noexcept;
    void give_context(TaskBase& task, const TaskOptions* options) noexcept;
    void start_eagerly(TaskBase& task) noexcept;
    void push_ready_first(ReadyEntry& entry) noexcept;
    void report_summary() noexcept;
    void report_descriptors() noexcept;
    void step_begins(const ReadyEntry* entry) noexcept;
    void detached_task_failed(const StateBase& task) noexcept;
    void bind_stack(TaskBase& task) noexcept;
    void make_fiber(StackSlot& slot) noexcept;
    StackClass& reserve_stack(TaskBase& task, const TaskOptions* options);
    void occupy(StackSlot& slot, TaskBase& task) noexcept;
    void pass_fiber_on(StackSlot& slot, TaskBase& task) noexcept;
    ReadyEntry* next_entry_slowly() noexcept;
    void set_step_budget() noexcept;
    bool puts_off_look(TimePoint time) const noexcept;
    /// Whether every switch has to go by next_entry_slowly(): so that the fast path has one thing to
    /// check.
    bool looks_at_each_step() const noexcept {
        return debug_ || chooser_ || !switch_hooks_.empty() || suspending_forbidden_ != 0;
    }
    void watch_switches() noexcept {
        if (steps_left_ > 1) steps_left_ = 1;
    }
    void call_switch_hooks_out() noexcept;
    void call_switch_hooks_in() noexcept;
    [[noreturn]] void fail_forbidden_switch() noexcept;

    void enter();
    void exit() noexcept;
    /// From enter() to exit(), however the loop is left.
    struct Running {
        explicit Running(Scheduler& on) : scheduler(on) { scheduler.enter(); }
        Running(const Running&) = delete;
        Running& operator=(const Running&) = delete;
        ~Running() { scheduler.exit(); }
        Scheduler& scheduler;
    };
    void run_turns();
    void run_ready();
    void poll(bool may_sleep);
    TimePoint sleep_limit(bool may_sleep) noexcept;
    /// See RunOptions::busy_poll. Nothing: the time is up, and nothing has come.
    std::optional<WaitResult> poll_busily(TimePoint deadline) noexcept {
        if (options_.busy_poll.count() == 0) [[likely]] return std::nullopt;
        return look_busily(deadline);
    }
    std::optional<WaitResult> look_busily(TimePoint deadline) noexcept;
    static void require_busy_poll(Nanoseconds time);
    bool watch_inbox() const noexcept;
    void deliver(CompletionList& completions) noexcept;
    std::int32_t look_at_failure(TaskOperation& operation, const char* what);
    void take_reactor(std::unique_ptr<Reactor> reactor) noexcept {
        reactor_ = std::move(reactor);
        carries_streams_ = reactor_->supports(OpCode::recv) && reactor_->supports(OpCode::send);
    }
    void fire_timers() noexcept;
    void handle_signals() noexcept;
    bool looks_deadlocked() const noexcept;
    WaitResult wait_in_silence(TimePoint deadline) noexcept;
    void report_deadlock();
    void close_of_parent() noexcept;
    void forget_everything_else() noexcept;
    void drain();
    bool drain_round(Nanoseconds grace);
    void end_watches();
    void finish_closing() noexcept;

    // Hot: what every switch touches.
    ReadyEntry* ready_head_ = nullptr;
    ReadyEntry** ready_tail_ = &ready_head_;
    TaskBase* current_ = nullptr;
    std::int32_t steps_left_ = 1;
    std::int32_t credits_ = 1;
    ReadyEntry* handed_over_ = nullptr;  // what the loop is to run first when it is switched to
    Sys* chooser_ = nullptr;  // null in production: FIFO
    ThreadState thread_;
    FiberContext loop_context_;
    bool debug_ = false;
    bool leave_ = false;
    bool eager_tasks_ = false;
    bool carries_streams_ = false;
    std::uint32_t eager_depth_ = 0;  // so many at the head of the queue wait for eager first steps
    ContextSlot* context_override_ = nullptr;  // of what runs on the loop's own stack
    std::unique_ptr<CreationTraces> traces_;   // debug mode
    std::unique_ptr<StepWatch> step_watch_;    // debug mode with COIR_DEBUG=slow=
    std::atomic<bool> running_{false};  // these two: other threads look at them
    std::atomic<bool> closed_{false};
    // The thread's, outside: pthread_cancel() unwinds to a first frame that fibers do not have.
    int cancel_state_ = 0;
    bool of_parent_ = false;  // this is the child of a fork, and has not rebuilt it
    bool stop_early_ = false;  // stop() was called while the loop did not run

    Counter<std::size_t> tasks_alive_;
    Counter<std::uint64_t> tasks_created_;
    std::size_t in_flight_ = 0;
    std::size_t external_jobs_ = 0;
    Counter<std::uint64_t> turns_;
    Counter<std::uint64_t> wakes_;
    Counter<std::uint64_t> steps_;
    std::int32_t chunk_ = 1;  // what steps_left_ began with
    std::int32_t steps_since_poll_ = 0;
    bool yielded_ = false;  // a task has, since the last look
    std::int32_t steps_per_sample_ = most_steps_per_sample;  // between two readings of the clock
    TimePoint sampled_at_{};
    bool quiet_ = false;  // the last look at the world found nothing
    Nanoseconds wait_pause_{};  // Reactor::wait_pause(), after that look
    TimePoint last_poll_{};
    TimePoint step_began_{};
    IdleTime idle_;
    Counter<std::uint64_t> swallowed_cancels_;
    std::uint64_t unretrieved_errors_ = 0;
    bool detached_aborts_ = false;  // COIR_DETACHED_FAILURE
    std::exception_ptr detached_failure_;
    IntrusiveList<TaskBase> tasks_;
    TimerHeap timers_;

    static inline std::atomic<std::uint64_t> last_serial_{0};
    const std::uint64_t serial_ = last_serial_.fetch_add(1, std::memory_order_relaxed) + 1;
    std::uint64_t random_state_ = 0;  // of draw(); 0: not seeded
    EventLoop* owner_;
    RunOptions options_;
    Sys* sys_;
    std::unique_ptr<Reactor> reactor_;
    std::string reactor_choice_;
    CompletionList completions_;
    std::unique_ptr<FdWatches> fd_watches_;  // null, as the hooks are, in nearly every program
    std::unique_ptr<LoopHooks> hooks_;
    OwnedFds owned_fds_;
    std::vector<SwitchHook> switch_hooks_;
    int suspending_forbidden_ = 0;
    std::unique_ptr<StackPool> stacks_;
    StackClass* default_stacks_ = nullptr;
    BlockPool blocks_;
    std::function<void(const ExceptionContext&)> exception_handler_;
    IntrusiveList<Outside> outside_;
    std::unique_ptr<ThreadPoolCore> pool_;
    std::unique_ptr<ThreadPoolCore> resolver_pool_;
    std::unique_ptr<ThreadPoolCore> waiting_pool_;
    Scheduler* next_scheduler_ = nullptr;  // the debug table's list
    std::unique_ptr<LoopSignals> signals_;
    TaskBase* main_task_ = nullptr;
    int interrupted_by_ = 0;
    TimePoint looked_at_kernel_{};  // while polling busily
    bool deadlock_said_ = false;
    FloatControl float_control_;  // what tasks begin with: the thread's own when the run began
    static constexpr std::int32_t credits_per_step = 128;
    /// After a look that found nothing, the next one is so far away at most; see kernel_looks.cpp.
    static constexpr std::int32_t steps_per_quiet_poll = 4096;
    static constexpr std::int32_t most_steps_per_sample = 64;
    static constexpr Nanoseconds time_per_quiet_poll = std::chrono::microseconds(50);
    /// See is_soon_after_look().
    static constexpr Nanoseconds time_per_poll = std::chrono::microseconds(500);
    static constexpr TimePoint past = TimePoint::min();  // a deadline that says: do not sleep
    static constexpr Nanoseconds silence = std::chrono::seconds(1);  // before a deadlock is reported
    TimePoint silent_since_ = never;  // by the real clock
    bool waiting_for_nothing_ = false;

    struct StopMark : ReadyEntry {
        Scheduler* scheduler = nullptr;
        bool queued = false;
    };
    StopMark stop_mark_;

    // Any thread.
    Inbox inbox_;
    std::atomic<bool> signalled_{false};
    std::atomic<int> interrupt_{0};
    // The errno of the thread that it has run on, which it now belongs to; null: it has never run.
    std::atomic<const int*> bound_to_{nullptr};
    std::atomic<int> last_posts_{0};
    FutexLock orphans_mutex_;  // guards blocks_ once the loop is closed
    bool orphaned_ = false;
};

/// The loop that runs on this thread, or null. Initial-exec: one load, also from a shared library.
/// Fibers never migrate, so that a compiler may keep its address across a switch.
[[gnu::tls_model("initial-exec"), gnu::visibility("hidden")]] extern constinit thread_local Scheduler*
    running_here;

/// Whether any context variable of the process was ever set. Until then nothing is copied.
[[gnu::visibility("hidden")]] extern constinit std::atomic<bool> any_context_in_use;
inline bool contexts_in_use() noexcept {
    return any_context_in_use.load(std::memory_order_relaxed);
}

inline bool Scheduler::usable_here() const noexcept {
    return running_here == this || (!running_ && !bound_elsewhere());
}
/// At the end of a task, on its fiber: until libcoir-legacy has given up what it kept there.
void end_task_slot(void*& slot);
/// Sees to what fork.cpp says; once per process.
void watch_forks();
/// Whether this process is the child of a fork that was made inside a loop.
bool in_forked_child() noexcept;
[[noreturn]] void throw_forked(const char* call);

inline void Scheduler::require_thread(const char* call) const {
    if (!usable_here()) [[unlikely]] {
        if (of_parent_) throw_forked(call);
        throw_wrong_thread(call);
    }
}
inline void Scheduler::require_open(const char* call) const {
    if (closed_) [[unlikely]] throw_closed(call);
}
/// An error that nobody can catch, in words.
std::string describe(const ExceptionContext& context);
/// A copy of what was given to cancel(): it goes along with the cancellation as far as there is
/// memory for it; the cancellation does in any case.
std::string copy_reason(const std::string& message) noexcept;

/// As require_task(), for the runtime's own files.
inline TaskBase& this_task(const char* call) {
    Scheduler* scheduler = running_here;
    TaskBase* task = scheduler ? scheduler->current() : nullptr;
    if (!task) [[unlikely]] return require_task(call);
    return *task;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
