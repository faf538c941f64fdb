// SPDX-License-Identifier: BSL-1.0
// The event loop: callbacks, timers, running, and what is known about a running loop.
//
// Most programs need only run() (run.hpp). Threads: a loop belongs to the thread that runs it; only
// what says "any thread" may be called from others. Behaviour: asyncio's event loop; the turn of
// the loop is described at run_once().
#pragma once

#include <coir/detail/callback.hpp>
#include <coir/detail/config.hpp>
#include <coir/future.hpp>
#include <coir/log.hpp>
#include <coir/task.hpp>
#include <coir/thread_pool.hpp>
#include <coir/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace coir {
inline namespace v0 {

/// What happens when a task's stack cannot be guarded.
enum class StackGuard : unsigned char {
    required,  ///< creating the task throws StackAllocError
    optional,  ///< the task runs unguarded; said once in the log
    none,      ///< no guards at all
};

/// What happens when all tasks wait and nothing is left that could wake them but another thread, and
/// for a second (of the real clock, also on the simulator) none has posted anything.
enum class OnDeadlock : unsigned char {
    report,  ///< log what each task waits for, and go on waiting (another thread may still post)
    fail,    ///< throw DeadlockError out of run()
};

/// How a loop is made. The defaults are right for most programs.
struct RunOptions {
    /// "auto", a reactor's name, "name:parameters", or a list of which the first usable is taken.
    /// "sim" has a virtual clock, which jumps to the next timer when all tasks wait. It stands still
    /// for what to_thread() and the like have begun, but not for a std::thread of your own: a task
    /// that waits for one must not have a timer running.
    std::string reactor = "auto";
    /// Bytes of address space per task stack, guard included; only touched pages cost memory.
    std::size_t stack_size = 256 * 1024;
    /// The main task's, because run() moves a whole program onto it.
    std::size_t main_stack_size = 8u << 20;
    StackGuard stack_guard = StackGuard::required;
    /// Hides from each task what others have left on its stack: used pages are given to the kernel, and
    /// are zero when they are touched again (locked ones are overwritten). Costs a system call and page
    /// faults for each task, so for processes that work for several principals. A stack that waits for its next task is not wiped yet.
    bool wipe_stacks = false;
    /// asyncio's debug mode, which costs much: steps that take long, tasks that nobody awaits and
    /// cancellations that are swallowed are logged, reports say where what they are about was created,
    /// and std::terminate() which task called it. Also by COIR_DEBUG=1.
    bool debug = false;
    /// Starts every task at once, as TaskOptions::eager_start does for one.
    bool eager_tasks = false;
    /// In debug mode: steps that last longer are logged.
    Nanoseconds slow_task_threshold = std::chrono::milliseconds(100);
    /// How long close waits for tasks that do not end when cancelled, before it names them.
    Nanoseconds cleanup_grace = std::chrono::seconds(10);
    /// How long a loop that has nothing to do goes on looking before it sleeps, from when it last had;
    /// 0: it sleeps at once. What comes meanwhile, from the kernel or another thread, is seen within a
    /// microsecond or two instead of the tens that waking a thread takes; the price is a processor, for
    /// that long each time, so that this is for loops with a processor of their own. Simulated clocks
    /// ignore it. A negative one throws std::invalid_argument.
    Nanoseconds busy_poll{0};
    /// Threads of the to_thread pool; 0: max(4, cores).
    unsigned max_threads = 0;
    /// to_thread calls that may wait for a thread; 0: no limit. One more throws QueueFull.
    std::size_t max_queued_jobs = 0;
    OnDeadlock on_deadlock = OnDeadlock::report;
};

/// How long one run_once() may take.
enum class RunMode : unsigned char {
    wait,     ///< sleep until something is due, then run what is due
    no_wait,  ///< run what is due now
};

/// What an error that nobody can catch is reported with.
struct ExceptionContext {
    std::string message;
    std::exception_ptr exception;  ///< may be null
    TaskRef task;                  ///< may be empty
    /// In debug mode: where the task, future or callback was created, a line per frame.
    std::string created_at = {};
};

/// Names a hook, to remove it by.
using HookId = std::uint64_t;

/// A callback that was queued. Dropping it cancels nothing.
class COIR_API Handle {
public:
    Handle() noexcept = default;
    explicit Handle(detail::CallbackBase* callback) noexcept : callback_(callback) {}
    Handle(const Handle& other) noexcept : callback_(other.callback_) {
        if (callback_) callback_->add_ref();
    }
    Handle(Handle&& other) noexcept : callback_(std::exchange(other.callback_, nullptr)) {}
    Handle& operator=(Handle other) noexcept {
        std::swap(callback_, other.callback_);
        return *this;
    }
    ~Handle() {
        if (callback_) callback_->drop_ref();
    }
    /// Keeps the callback from running; harmless afterwards and when repeated.
    void cancel() noexcept {
        if (callback_) callback_->cancel();
    }
    bool cancelled() const noexcept { return callback_ && callback_->cancelled(); }

protected:
    detail::CallbackBase* callback_ = nullptr;
};

/// A callback with a due time.
class COIR_API TimerHandle : public Handle {
public:
    using Handle::Handle;
    /// When it is due.
    TimePoint when() const { return callback_ ? callback_->when() : TimePoint{}; }
};

/// Counters of a loop, all since it was made. Each of them only grows, but for those of the present.
struct LoopMetrics {
    std::uint64_t turns = 0;     ///< times the reactor was polled
    std::uint64_t steps = 0;     ///< callbacks and task steps run (counted in steps of a turn)
    std::uint64_t tasks_created = 0;
    std::size_t tasks_alive = 0;
    std::uint64_t wakes = 0;  ///< waits of the reactor that another thread or a signal has ended
    std::uint64_t swallowed_cancels = 0;  ///< cancelled tasks that caught it and went on
    std::size_t timers = 0;               ///< armed now
    /// Spent in waits that were allowed to block, the present one included; looking busily
    /// (RunOptions::busy_poll) is not idle.
    Nanoseconds idle{};
    std::size_t stacks_reserved = 0;      ///< address ranges, in stacks
    std::size_t stack_mappings = 0;
    PoolMetrics pool;                     ///< of the to_thread pool
};

/// An event loop. Construct one only to embed or to test; run() makes its own.
class COIR_API EventLoop {
public:
    /// Throws std::invalid_argument for bad options and std::runtime_error when the reactor that is
    /// asked for cannot be had.
    explicit EventLoop(RunOptions options = {});
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;
    /// Closes it.
    ~EventLoop();

    /// Runs until stop(), also when there is nothing to do. Throws std::logic_error when a loop runs on this thread, or after close.
    void run_forever();
    /// Runs until the job (a callable, Task or Future) is done; returns its result or throws its
    /// exception. A callable becomes a task with the main task's stack.
    template <class Job>
    auto run_until_complete(Job&& job);
    /// One turn: polls I/O, timers and other threads' posts, then runs what is ready now. Returns
    /// whether anything was run, not counting hooks. In every turn ready entries run in FIFO order, callbacks and task
    /// steps alike; a busy loop polls at least every 256 steps or 500 us, and every 100 us where tasks
    /// compute for long between yields. When there was nothing, and nothing but the kernel could have
    /// more, the next 4,096 steps or 50 us go without a system call.
    bool run_once(RunMode mode = RunMode::wait);
    /// Lets the entries that are queued by now run, then leaves run_forever(). Any thread may call
    /// it through call_soon_threadsafe only.
    void stop() noexcept;
    /// Cancels and drains what is left, closes the reactor and joins the pool. Tasks that do not end
    /// within RunOptions::cleanup_grace are named in the log and left behind, and with them the pool,
    /// for which one of them may wait. Twice is harmless; std::logic_error while the loop runs.
    void close();
    /// In the child of a fork() every loop of the program is dead: nothing of it runs, every call
    /// throws std::logic_error, and run() does once the child returns into it. This makes one usable
    /// again, on kernel objects and threads of its own. As with fork() itself, only who calls goes
    /// on: the loop's other tasks, timers, callbacks, signal handlers and jobs are the parent's, and
    /// gone without being destroyed; whoever awaits one of them waits for ever. Streams and other
    /// descriptors are shared with the parent. To be called on the thread that forked;
    /// std::logic_error for a loop that this process has made, or that ran on another thread, and
    /// the errors of the constructor. fork() is seen by pthread_atfork(): _Fork() and clone() are
    /// not.
    void after_fork_in_child();
    bool is_running() const noexcept;
    bool is_closed() const noexcept;
    /// The loop's clock, read afresh.
    TimePoint time() const noexcept;

    /// Runs `fn()` on the loop, outside any task, in FIFO order with task steps.
    template <class F>
    Handle call_soon(F&& fn) {
        detail::CallbackBase* callback = make_callback(std::forward<F>(fn), false);
        return queue(callback, [&] { detail::queue_callback(*callback); });
    }
    /// Runs `fn()` after at least `delay`. Equal due times run in the order of their registration.
    template <class Rep, class Period, class F>
    TimerHandle call_later(std::chrono::duration<Rep, Period> delay, F&& fn) {
        const Nanoseconds nanoseconds = to_nanoseconds(delay);
        return call_at(later(nanoseconds), std::forward<F>(fn));
    }
    template <class F>
    TimerHandle call_at(TimePoint when, F&& fn) {
        detail::CallbackBase* callback = make_callback(std::forward<F>(fn), false);
        queue(callback, [&] { detail::queue_timer(*callback, when); }).swap_out();
        return TimerHandle(callback);
    }
    /// As call_soon, from any thread; wakes the loop. std::logic_error once the loop is closed.
    template <class F>
    Handle call_soon_threadsafe(F&& fn) {
        detail::CallbackBase* callback = make_callback(std::forward<F>(fn), true);
        return queue(callback, [&] { detail::queue_callback_threadsafe(*callback); });
    }

    /// Calls `fn()` as long as `fd` is readable, once in a turn of the loop, outside any task and in
    /// FIFO order with task steps; a second one for the descriptor replaces the first. It is level
    /// triggered: what `fn` leaves unread brings it up again. "Readable" includes the end of the data
    /// and errors. The loop neither owns the descriptor nor changes its flags: remove the reader
    /// before the descriptor is closed (what coir itself closes is removed by that). What `fn` throws
    /// goes to the exception handler, and it is called again. Throws std::invalid_argument for a
    /// negative number, IoError EBADF for one that is not open and EPERM for what cannot be waited
    /// for, such as files, std::logic_error for the descriptor of a coir Stream, Socket or Listener
    /// of this loop, and after close(). Behaviour: asyncio's loop.add_reader.
    template <class F>
    void add_reader(int fd, F&& fn) {
        detail::CallbackBase* callback = make_callback(std::forward<F>(fn), false);
        queue(callback, [&] { detail::watch_fd(*callback, fd, detail::FdSide::read); });
    }
    /// Ends it; an event that has come already is not delivered. False when there was no reader, as
    /// after close(); the writer of the descriptor stays.
    bool remove_reader(int fd) { return remove_watch(fd, detail::FdSide::read); }
    /// The same for writing; a descriptor may have both.
    template <class F>
    void add_writer(int fd, F&& fn) {
        detail::CallbackBase* callback = make_callback(std::forward<F>(fn), false);
        queue(callback, [&] { detail::watch_fd(*callback, fd, detail::FdSide::write); });
    }
    bool remove_writer(int fd) { return remove_watch(fd, detail::FdSide::write); }

    /// Calls `fn()` in every turn before the loop looks for I/O, however long that may then sleep.
    /// Hooks run outside any task and must not suspend, in the order in which they were added; they
    /// may add hooks, which wait for the next turn, and remove any, themselves included; what they
    /// throw goes to the exception handler. Behaviour: libuv's uv_prepare_t.
    template <class F>
    HookId add_prepare_hook(F&& fn) {
        return add_hook(std::forward<F>(fn), detail::HookPhase::prepare);
    }
    /// Calls `fn()` in every turn after the loop has looked for I/O: behind the callbacks and task
    /// steps that I/O has made ready, and before those of timers that are due. Behaviour: uv_check_t.
    template <class F>
    HookId add_check_hook(F&& fn) {
        return add_hook(std::forward<F>(fn), detail::HookPhase::check);
    }
    /// Calls `fn()` in every turn, before the prepare hooks, and keeps the loop from sleeping: for
    /// work that fills idle time piece by piece. I/O, timers and tasks have their turn after each
    /// call. A virtual clock advances a microsecond a turn meanwhile. Behaviour: uv_idle_t.
    template <class F>
    HookId add_idle_hook(F&& fn) {
        return add_hook(std::forward<F>(fn), detail::HookPhase::idle);
    }
    /// False when there is none of that name, as after close().
    bool remove_hook(HookId id);

    /// As the free create_task(), on this loop; it need not run yet.
    template <class F, class... Args>
        requires(!std::is_same_v<std::decay_t<F>, TaskOptions>)
    [[nodiscard, gnu::always_inline]] auto create_task(F&& f, Args&&... args) {
        return detail::start_task(open_scheduler(), nullptr, std::forward<F>(f),
                                  std::forward<Args>(args)...);
    }
    template <class F, class... Args>
    [[nodiscard, gnu::always_inline]] auto create_task(const TaskOptions& options, F&& f,
                                                       Args&&... args) {
        return detail::start_task(open_scheduler(), &options, std::forward<F>(f),
                                  std::forward<Args>(args)...);
    }
    template <class T>
    Future<T> create_future() {
        return detail::new_future<T>(open_scheduler());
    }

    /// Runs `fn()` or `fn(signo)` on the loop, like a callback, whenever the signal has come, whatever
    /// thread it came to; also when it comes while the loop sleeps. It takes the place of a handler
    /// that this loop had for the signal; SignalStreams (signal.hpp) and other loops hear of it all
    /// the same. Signals that come faster than handlers run coalesce, real-time signals do not.
    /// Removing the last one in the process restores the disposition of before, in run() the one
    /// that cancels the main task; so does closing the loop. Throws std::invalid_argument for a
    /// number that is no signal, std::runtime_error for SIGKILL, SIGSTOP and for the signals of
    /// failed instructions (SIGSEGV, SIGBUS, SIGFPE, SIGILL). Any loop, not only the main thread's.
    template <class F>
    void add_signal_handler(int signo, F&& fn) {
        detail::require_callable(fn);
        set_signal_handler(
            signo, std::make_unique<detail::SignalCallbackImpl<std::decay_t<F>>>(
                       std::forward<F>(fn)));
    }
    /// False when there was none. A call that is queued does not run any more.
    bool remove_signal_handler(int signo);

    /// Receives errors that nobody can catch; null restores the default, which logs them (of errors
    /// that were never retrieved the first ten, and at close() how many more there were). It is called
    /// on the loop, in the context of the task or callback that failed, and must not suspend; if it
    /// throws, the default is told of both.
    void set_exception_handler(std::function<void(const ExceptionContext&)> handler);
    void call_exception_handler(const ExceptionContext& context);

    void set_debug(bool on) noexcept;
    bool debug() const noexcept;
    std::string_view reactor_name() const noexcept;
    /// One sentence on why this reactor was chosen.
    const std::string& reactor_choice() const noexcept;
    /// Any thread, as long as the loop is not being closed.
    LoopMetrics metrics() const;

    /// Readable when a turn is due, for foreign main loops: sleep until it is, but no longer than
    /// next_timeout(), then call run_once(RunMode::no_wait). Ask for both before each sleep. -1 where
    /// the reactor cannot be embedded (poll and sim, and those of your own that say so).
    int fd() noexcept;
    /// How long until a turn is due that does not show in fd(): 0 when something is ready or waits to
    /// be given to the kernel, or there are idle hooks; until the first timer; nothing when there is
    /// none.
    std::optional<Nanoseconds> next_timeout();
    /// Whether something is ready to run.
    bool has_ready() const;

    // Internal.
    detail::Scheduler& scheduler() const noexcept { return *scheduler_; }

private:
    friend class detail::Scheduler;

    struct QueuedHandle : Handle {
        using Handle::Handle;
        void swap_out() noexcept { callback_ = nullptr; }
    };
    template <class F>
    detail::CallbackBase* make_callback(F&& fn, bool any_thread) {
        detail::check_callback<F>();
        detail::require_callable(fn);
        using Impl = detail::CallbackImpl<std::decay_t<F>>;
        if (any_thread) return new Impl(*scheduler_, std::forward<F>(fn));
        return detail::make_state<Impl>(open_scheduler(), std::forward<F>(fn));
    }
    // Queues; when that throws, the callback (and with it the callable) is destroyed.
    template <class Queue>
    QueuedHandle queue(detail::CallbackBase* callback, Queue&& do_queue) {
        try {
            do_queue();
        } catch (...) {
            callback->drop_ref();
            callback->drop_ref();
            throw;
        }
        return QueuedHandle(callback);
    }
    template <class F>
    HookId add_hook(F&& fn, detail::HookPhase phase) {
        detail::CallbackBase* callback = make_callback(std::forward<F>(fn), false);
        HookId id = 0;
        queue(callback, [&] { id = detail::add_hook(*callback, phase); });
        return id;
    }
    bool remove_watch(int fd, detail::FdSide side);
    TimePoint later(Nanoseconds delay) const;
    detail::Scheduler& open_scheduler() const;
    void run_until_done(detail::StateBase& state);
    void set_signal_handler(int signo, std::unique_ptr<detail::SignalCallback> callback);
    std::size_t main_stack_size() const noexcept;

    detail::Scheduler* scheduler_;
};

/// The loop that runs on this thread; std::logic_error when there is none.
COIR_API EventLoop& get_running_loop();
/// The same, or null.
COIR_API EventLoop* try_get_running_loop() noexcept;

template <class Job>
auto EventLoop::run_until_complete(Job&& job) {
    if constexpr (requires { job.ref_state(); }) {
        auto handle = job;
        run_until_done(handle.state());
        return std::move(handle).result();
    } else {
        TaskOptions options;
        options.name = "main";
        options.stack_size = main_stack_size();
        auto task = create_task(options, std::forward<Job>(job));
        run_until_done(task.state());
        return std::move(task).result();
    }
}

}  // namespace v0
}  // namespace coir
