// SPDX-License-Identifier: BSL-1.0
// What libcoir-legacy, the libc interposer, needs of the runtime: who is running, and a way to wait
// for descriptors, deadlines and pool threads that never throws, because C frames lie above it.
//
// Internal, and exported only for libcoir-legacy, which is built from the same sources: both
// libraries are always of one version. Threads: everything acts on the loop of the calling thread.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/intrusive_list.hpp>
#include <coir/detail/sys.hpp>
#include <coir/reactor.hpp>
#include <coir/time.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {

class Scheduler;
class TaskBase;

namespace legacy {

/// The loop whose task is running here and may be suspended; null outside tasks and in a
/// blocking_region. Every wrapper asks this first: one thread-local load and a compare.
COIR_API Scheduler* suspendable() noexcept;
/// The loop that runs on this thread, in a task or not; null when there is none.
COIR_API Scheduler* loop_here() noexcept;

/// The variables of a kernel thread that must stay one when its tasks have TLS blocks of their own
/// (libcoir-deep): whatever block is in place, the runtime finds its loop, the signal handlers that
/// have run, and the signals that tasks hold back. Its other thread-locals may as well be a block's.
struct ThreadShare {
    Scheduler* loop;
    void* handlers;
    unsigned* held_signals;
};
/// The calling thread's, with the loop that runs now.
COIR_API ThreadShare thread_share() noexcept;
/// For the TLS block that is in place now, a fresh one.
COIR_API void share_thread(const ThreadShare& share) noexcept;

/// The loop's door to the kernel and to the clock.
COIR_API Sys& sys(Scheduler& loop) noexcept;
/// Whether the reactor only reports readiness and makes the calls itself (all but io_uring).
COIR_API bool readiness_only(Scheduler& loop) noexcept;
/// To the end of the ready queue; not a cancellation point.
COIR_API void yield(Scheduler& loop) noexcept;
/// A cancel request is pending and may be acted upon. It is not consumed.
COIR_API bool cancel_asked(Scheduler& loop) noexcept;
/// The descriptor is about to be closed: whoever waits for it on this loop is woken with `closed`.
COIR_API void closing(Scheduler& loop, int fd) noexcept;

/// How a wait ended.
enum class Woken : std::uint8_t {
    event,      ///< an operation is done; look at the results
    timeout,
    cancelled,  ///< the task was asked to end; the request is still pending
    closed,     ///< a descriptor was closed by another task
    interrupted,  ///< a signal handler of the program's has run
    no_memory,  ///< nothing was waited for
};

/// An operation of a wait. The caller sets what the code needs; the rest is the wait's.
struct WaitOperation : Operation {
    void* wait = nullptr;
    bool finished = false;
};

/// Which signal handlers end a wait. One handler ends one wait of its thread's tasks, the oldest, as
/// it ends one call of a thread; those that wait for nothing but signals come first.
enum class Interruptible : std::uint8_t {
    never,
    restarts,  ///< those without SA_RESTART
    always,
    pauses,  ///< all, and nothing else ends it
};
/// A handler of the program's has run on this thread. For signal handlers.
COIR_API void handler_ran(bool restarts, int signo) noexcept;
/// The handler that has just run was meant for this task, whose wait it ends, and for no other.
COIR_API void handler_was_for(std::uint64_t task, bool restarts) noexcept;
/// From now on handlers that run on this thread are for this task, unless it blocks the signal: they end
/// its wait or none. 0: for any again. `blocked`: signals as the kernel numbers them; it stays valid.
COIR_API void handlers_are_for(std::uint64_t task, const std::uint64_t* blocked) noexcept;

/// Suspends the current task until the first of `count` operations is done, the deadline is over,
/// or the task is cancelled. Returns only when the kernel has given all of them back: those that
/// were not done are cancelled and have the result -ECANCELED. A result beats the deadline and the
/// request, but a request that is pending already ends the wait before it begins. `count` may be 0.
COIR_API Woken wait_any(Scheduler& loop, WaitOperation* operations, std::size_t count,
                        TimePoint deadline, const char* what,
                        Interruptible interruptible = Interruptible::never) noexcept;
/// What the scheduler does after signal_arrived().
void interrupt_waits() noexcept;

/// Which threads: those for name resolution, which are many, or the loop's pool.
enum class Lane : std::uint8_t { names, pool };

/// Runs `work(argument)` on a thread and suspends the task meanwhile.
/// `cancelled`: it was withdrawn and did not run; `no_memory`: no thread could be had.
COIR_API Woken run_job(Scheduler& loop, Lane lane, void (*work)(void*), void* argument,
                       const char* what) noexcept;

/// A wait that any thread may end, in a queue of whoever uses it; it lives on the task's stack. The
/// queue has a lock, under which both functions and unpark() act upon it.
struct Parking : ListLink {
    /// Puts it into the queue; called by park(). False: there is no need to wait.
    bool (*join)(Parking&) noexcept = nullptr;
    /// Takes it out again; false: it is not there, because somebody has called unpark().
    bool (*withdraw)(Parking&) noexcept = nullptr;
    TaskBase* task = nullptr;
};

/// Suspends the current task until unpark(), the deadline or, if `cancellable`, a cancel request
/// that comes while it waits, or a signal handler. `event` also when join() said so. `no_memory`: it has not joined.
COIR_API Woken park(Scheduler& loop, Parking& parking, TimePoint deadline, bool cancellable,
                    const char* what, Interruptible interruptible = Interruptible::never) noexcept;
/// Ends the wait of what the caller has just taken out of the queue, whose lock it still holds: the
/// loop may end as soon as it is given up. Any thread; `in_signal`: signal handlers, too.
COIR_API void unpark(Parking& parking, bool in_signal = false) noexcept;

/// Runs `work(argument)`, which may wait for other threads without end, on a thread and suspends the
/// task until it is done, whatever is requested. False: no thread could be had, it did not run.
COIR_API bool run_waiting_job(Scheduler& loop, void (*work)(void*), void* argument,
                              const char* what) noexcept;

/// What tells the current task from all others that ever were; 0 outside tasks.
COIR_API std::uint64_t task_id() noexcept;
/// A pointer that the current task has for libcoir-legacy; null outside tasks.
COIR_API void** task_slot() noexcept;
/// Called on a task's own fiber at its end, as long as its pointer is not null, which it must see to.
COIR_API void on_task_end(void (*end)(void*& slot)) noexcept;
/// See Scheduler::add_switch_hook(); for the loop of this thread, in a task. False: no memory.
COIR_API bool add_switch_hook(void (*out)(void*), void (*in)(void*), void* argument) noexcept;
COIR_API bool has_switch_hook(const void* argument) noexcept;
/// Removes a hook with this argument; not to be called by a hook.
COIR_API void remove_switch_hook(void* argument) noexcept;
/// What the current task waits for, or is about to; null: for its turn.
COIR_API const char* waits_for() noexcept;
/// Writes a warning about the current task, whose name comes first.
COIR_API void warn_of_task(const char* text) noexcept;
/// Whether COIR_DEBUG has the word `locks`, `fds`, `passthrough`.
COIR_API bool watches_locks() noexcept;
COIR_API bool watches_descriptors() noexcept;
COIR_API bool watches_calls() noexcept;
/// A warning about a call that the program makes at `caller`: "coir: task 'a' " or, outside tasks,
/// "coir: a callback of the loop ", then the text and the place.
COIR_API void warn_of_call(const std::string& text, const void* caller) noexcept;
/// A descriptor that the program has in hand; says once when select() will soon be too small for it.
COIR_API void note_descriptor(int fd) noexcept;
/// See environment.hpp.
COIR_API void warn_with_loops(const std::string& line);

}  // namespace legacy
}  // namespace detail
}  // namespace v0
}  // namespace coir
