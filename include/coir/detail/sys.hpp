// SPDX-License-Identifier: BSL-1.0
// The one door to the world: every system call, clock read and random number of coir goes through
// a `Sys`, which each loop holds a reference to and which can be replaced.
//
// The default makes raw system calls (the `syscall` instruction, not libc's wrappers), so that the
// libc interposer never meets the runtime's own calls. Fault injection and the simulator override
// `call()` and switch on the number. Results are Linux's own: >= 0, or -errno. Nothing here touches
// the C `errno`, throws or allocates.
//
// Threads: the default may be used from any thread. Lifetime: must outlive every loop that uses it.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/raw_syscall.hpp>
#include <coir/time.hpp>

#include <cstddef>
#include <cstdint>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>

namespace coir {
inline namespace v0 {
namespace detail {

class COIR_API Sys {
public:
    Sys() = default;
    Sys(const Sys&) = delete;
    Sys& operator=(const Sys&) = delete;
    virtual ~Sys();

    /// One system call. Unused arguments are 0.
    virtual long call(long number, long a, long b, long c, long d, long e, long f) noexcept;
    /// clone(2) with CLONE_VM | CLONE_VFORK in `flags`: `child(argument)` begins on the other stack, in the
    /// same memory, and the caller stands still until it makes execve or exit_group. The process' number.
    virtual long make_child(int (*child)(void*), void* argument, char* stack_top, int flags,
                            int* pidfd) noexcept;
    /// The monotonic clock, read afresh.
    virtual TimePoint now() noexcept;
    /// A random number, for jitter and identifiers; never for secrets.
    virtual std::uint64_t random() noexcept;
    /// A job was handed to another thread, or came back from it. A virtual clock must not advance
    /// while one is outside.
    virtual void job_started() noexcept;
    virtual void job_finished() noexcept;
    /// An error that nobody has handled is about to be logged.
    virtual void error_reported(const char* text) noexcept;

    /// Work that would hold up the loop's thread, and is only system calls of coir's own. A world that
    /// makes those itself takes it: `run(argument)` comes later, on a thread of the loops'. False: a thread of the
    /// pool is to do it.
    virtual bool take_job(void (*run)(void*) noexcept, void* argument) noexcept;
    /// Of a job that was taken. True: it will not run.
    virtual bool withdraw_job(void* argument) noexcept;

    /// The loop goes round without anything to do, for its idle hooks: a virtual clock, which only
    /// moves when a loop sleeps, may move a little.
    virtual void tick() noexcept;

    /// Whether `pick` decides what runs next; the real system leaves ready entries in FIFO order.
    virtual bool picks() const noexcept;
    /// Which of `count` ready entries runs next: a number below `count`, which is at least 2.
    virtual std::size_t pick(std::size_t count) noexcept;
    /// The same when it is known who they are: `tasks[i]` is the number of the i-th entry's task, 0
    /// for a callback. For orders that favour or neglect a task; otherwise pick() decides.
    virtual std::size_t pick_entry(const std::uint64_t* tasks, std::size_t count) noexcept;

    /// Of a system that picks: the task of this number is asked to end, by a cancel() or by a timeout of its
    /// own that is over. For who writes down what happens.
    virtual void cancel_asked(std::uint64_t task, bool by_timeout) noexcept;

    /// Whether it is a world of its own, which knows of everything that could wake one of its loops:
    /// its reactors say -EDEADLK when nothing can, and what one of its loops waits for from another
    /// is not outside.
    virtual bool is_closed_world() const noexcept;

    template <class... Args>
    long operator()(long number, Args... args) noexcept {
        static_assert(sizeof...(args) <= 6);
        return expand(number, to_long(args)...);
    }
    /// A call of the real system, whatever the loop's is: for who has made sure that it is that one.
    template <class... Args>
    static long call_directly(long number, Args... args) noexcept {
        static_assert(sizeof...(args) <= 6);
        return expand_directly(number, to_long(args)...);
    }

    // The calls that are made from more than one place, with their types.
    long read(int fd, void* buffer, std::size_t size) noexcept {
        return (*this)(SYS_read, fd, buffer, size);
    }
    long write(int fd, const void* data, std::size_t size) noexcept {
        return (*this)(SYS_write, fd, data, size);
    }
    long close(int fd) noexcept { return (*this)(SYS_close, fd); }
    long fcntl(int fd, int command, long argument = 0) noexcept {
        return (*this)(SYS_fcntl, fd, command, argument);
    }
    long socket(int family, int type, int protocol) noexcept {
        return (*this)(SYS_socket, family, type, protocol);
    }
    long setsockopt(int fd, int level, int option, int value) noexcept {
        return (*this)(SYS_setsockopt, fd, level, option, &value, sizeof value);
    }
    long getsockopt(int fd, int level, int option, int* value) noexcept {
        socklen_t size = sizeof *value;
        return (*this)(SYS_getsockopt, fd, level, option, value, &size);
    }

private:
    static long to_long(const void* pointer) noexcept { return reinterpret_cast<long>(pointer); }
    template <class T>
    static long to_long(T* pointer) noexcept {
        return reinterpret_cast<long>(pointer);
    }
    static long to_long(int value) noexcept { return value; }
    static long to_long(unsigned value) noexcept { return static_cast<long>(value); }
    static long to_long(long value) noexcept { return value; }
    static long to_long(unsigned long value) noexcept { return static_cast<long>(value); }
    static long to_long(std::nullptr_t) noexcept { return 0; }

    long expand(long n, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                long f = 0) noexcept {
        return call(n, a, b, c, d, e, f);
    }
    static long expand_directly(long n, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                                long f = 0) noexcept {
        return raw_syscall(n, a, b, c, d, e, f);
    }
};

/// The real system. Any thread.
COIR_API Sys& real_sys() noexcept;

/// What this thread blocks through when no loop of its own is concerned: the real system, but for
/// the threads of a simulated world.
COIR_API Sys& thread_sys() noexcept;
/// Null: the real one.
COIR_API void set_thread_sys(Sys* sys) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
