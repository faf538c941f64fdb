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
#include "fiber_switch.hpp"
#include "inbox.hpp"
#include "stack.hpp"
#include "timer_heap.hpp"

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

namespace coir {
inline namespace v0 {
namespace detail {

class LoopSignals;
class ThreadPoolCore;
struct TaskOperation;

class Scheduler {
public:
    Scheduler(EventLoop& owner, RunOptions options);
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    // --- Suspending and making ready (scheduler.cpp) ---

    /// The running task; null on the loop's own stack.
    TaskBase* current() const noexcept { return current_; }
    /// Suspends the current task, which `park` describes, until make_ready(). Never throws.
    void suspend(Park& park) noexcept;
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
    void finish(TaskBase& task) noexcept;
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
    Reactor& reactor() noexcept { return *reactor_; }
    Sys& sys() noexcept { return *sys_; }
    void operation_started() noexcept { ++in_flight_; }
    void operation_ended() noexcept { --in_flight_; }

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
    ThreadPoolCore& pool();
    ThreadPoolCore& resolver_pool();

    // --- Running (scheduler.cpp) ---
    void run_until_stopped();
    bool run_once(RunMode mode);
    void stop() noexcept;
    void request_leave() noexcept { leave_ = true; }
    void run_until_done(StateBase& state);
    void close();
    void after_fork_in_child();
    /// In the child of a fork (fork.cpp).
    void left_to_parent() noexcept;
    void discard_callbacks() noexcept;
    bool running() const noexcept { return running_; }
    bool closed() const noexcept { return closed_; }
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

    // --- Errors ---
    void report(const ExceptionContext& context) noexcept;
    /// The same for the exception that is being handled.
    void report_current(const char* message) noexcept;
    void set_exception_handler(std::function<void(const ExceptionContext&)> handler);

    // --- Memory ---
    /// The EventLoop is being destroyed; deletes the scheduler once no handle needs its memory.
    void orphan() noexcept;
    void* allocate_block(std::size_t size, std::uint16_t& block_class) {
        return blocks_.allocate(size, block_class);
    }
    void free_block(void* memory, std::uint16_t block_class) noexcept {
        if (block_class == 0) [[unlikely]] {
            BlockPool::free_large(memory);
        } else if (closed_.load(std::memory_order_relaxed)) [[unlikely]] {
            free_orphan(memory, block_class);
        } else {
            blocks_.free(memory, block_class);
        }
    }

    // --- For handles and tools ---
    /// Which loop this is: no other one of the process has, or had, the same. Not 0.
    std::uint64_t serial() const noexcept { return serial_; }
    EventLoop& owner() noexcept { return *owner_; }
    const EventLoop& owner() const noexcept { return *owner_; }
    const RunOptions& options() const noexcept { return options_; }
    const std::string& reactor_choice() const noexcept { return reactor_choice_; }
    void set_debug(bool on) noexcept {
        debug_ = on;
        steps_left_ = 1;
    }
    bool debug() const noexcept { return debug_; }
    LoopMetrics metrics() const;
    int fd() noexcept { return reactor_ ? reactor_->pollable_fd() : -1; }
    std::optional<Nanoseconds> next_timeout();
    bool has_ready() const noexcept {
        return ready_head_ != nullptr || (!closed_ && !inbox_.empty()) || signalled_.load();
    }
    /// `task` has ended normally although it was thrown a CancelledError.
    void swallowed_cancel(const TaskBase& task) noexcept;
    /// Debug mode, at the end of a step of the current task, or of a callback of type `callback`:
    /// says so if it was slow.
    void check_step_time(const std::type_info* callback = nullptr) noexcept;
    /// Return addresses of a suspended task, innermost first.
    int capture_stack(TaskBase& task, void** addresses, int most) noexcept;

    // --- Signals (loop_signals.cpp, and signal_table.cpp for the process) ---

    LoopSignals& signals();
    /// Something has come for this loop. Any thread, and signal handlers.
    void signal_arrived() noexcept;
    /// SIGINT or SIGTERM has come (async-signal-safe): cancels the main task at the next turn.
    void interrupt(int signo) noexcept;
    void set_main_task(TaskBase* task) noexcept { main_task_ = task; }
    int interrupted_by() const noexcept { return interrupted_by_; }
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
    FiberContext* enter_next(ReadyEntry* next) noexcept;
    static void prefetch(const ReadyEntry& coming) noexcept;
    void leave_current(TaskBase& self) noexcept;
    void leave_slowly(TaskBase& self) noexcept;
    void free_orphan(void* memory, std::uint16_t block_class) noexcept;
    void bind_stack(TaskBase& task) noexcept;
    void make_fiber(StackSlot& slot) noexcept;
    StackClass& reserve_stack(TaskBase& task, const TaskOptions* options);
    void occupy(StackSlot& slot, TaskBase& task) noexcept;
    void pass_fiber_on(StackSlot& slot, TaskBase& task) noexcept;
    ReadyEntry* next_entry_slowly() noexcept;
    void set_step_budget() noexcept;

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
    void deliver(CompletionList& completions) noexcept;
    void fire_timers() noexcept;
    void handle_signals() noexcept;
    bool looks_deadlocked() const noexcept;
    WaitResult wait_in_silence(TimePoint deadline) noexcept;
    void report_deadlock();
    void close_of_parent() noexcept;
    void forget_everything_else() noexcept;
    void drain();
    bool drain_round(Nanoseconds grace);
    std::string describe_tasks();

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
    std::atomic<bool> running_{false};  // these two: other threads look at them
    std::atomic<bool> closed_{false};
    bool of_parent_ = false;  // this is the child of a fork, and has not rebuilt it
    bool stop_early_ = false;  // stop() was called while the loop did not run

    std::size_t tasks_alive_ = 0;
    std::uint64_t tasks_created_ = 0;
    std::size_t in_flight_ = 0;
    std::size_t external_jobs_ = 0;
    std::uint64_t turns_ = 0;
    std::uint64_t steps_ = 0;
    std::int32_t steps_since_poll_ = 0;
    TimePoint last_poll_{};
    TimePoint step_began_{};
    Nanoseconds idle_{};
    std::uint64_t swallowed_cancels_ = 0;
    IntrusiveList<TaskBase> tasks_;
    TimerHeap timers_;
    TimePoint last_trim_{};

    static inline std::atomic<std::uint64_t> last_serial_{0};
    const std::uint64_t serial_ = last_serial_.fetch_add(1, std::memory_order_relaxed) + 1;
    std::uint64_t random_state_ = 0;  // of draw(); 0: not seeded
    EventLoop* owner_;
    RunOptions options_;
    Sys* sys_;
    std::unique_ptr<Reactor> reactor_;
    std::string reactor_choice_;
    CompletionList completions_;
    std::unique_ptr<StackPool> stacks_;
    StackClass* default_stacks_ = nullptr;
    BlockPool blocks_;
    std::function<void(const ExceptionContext&)> exception_handler_;
    std::unique_ptr<ThreadPoolCore> pool_;
    std::unique_ptr<ThreadPoolCore> resolver_pool_;
    Scheduler* next_scheduler_ = nullptr;  // the debug table's list
    std::unique_ptr<LoopSignals> signals_;
    TaskBase* main_task_ = nullptr;
    int interrupted_by_ = 0;
    bool deadlock_said_ = false;
    FloatControl float_control_;  // what tasks begin with: the thread's own when the run began
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
    std::mutex orphans_mutex_;  // guards blocks_ once the loop is closed
    bool orphaned_ = false;
};

/// The loop that runs on this thread, or null. Initial-exec: one load, also from a shared library.
/// Fibers never migrate, so that a compiler may keep its address across a switch.
[[gnu::tls_model("initial-exec"), gnu::visibility("hidden")]] extern constinit thread_local Scheduler*
    running_here;

inline bool Scheduler::usable_here() const noexcept {
    return running_here == this || (!running_ && !bound_elsewhere());
}
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
