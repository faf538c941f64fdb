// SPDX-License-Identifier: BSL-1.0
// Message queues and semaphores of System V, message queues of POSIX, in a task.
//
// What System V has is no descriptor: nothing tells when to try again. A queue of POSIX is one on
// Linux; a deadline that is long over keeps its calls from waiting, whatever its flags.
#include "multi_wait.hpp"
#include "trying.hpp"

#include <cerrno>

#include <sys/ipc.h>

namespace coir::inline v0::detail::calls {
namespace {

// f(a deadline that is over) until it does not say that it would have to wait.
template <class F>
long when_queue_ready(Scheduler& loop, int queue, short events, const timespec* timeout,
                      const char* what, F&& f) noexcept {
    if (!is_valid(timeout)) return to_libc(f(timeout));
    const TimePoint deadline = timeout ? at_time_of_day(loop, *timeout) : coir::never;
    MultiWait waiting(loop, deadline, false, what);
    for (;;) {
        const timespec over{0, 0};
        const long result = f(&over);
        if (result == -EINTR) continue;
        if (result != -ETIMEDOUT) return waiting.finish(result);
        waiting.reserve(1);
        waiting.add(queue, events);
        if (const long error = waiting.wait(); error < 0) return waiting.finish(error);
    }
}

// f() until it is not `busy`. A queue or set that was there and is not any more has been removed.
template <class F>
long until_possible(Scheduler& loop, TimePoint deadline, const char* what, int busy,
                    F&& f) noexcept {
    bool was_there = false;
    return try_until(loop, deadline, what, busy, busy, [&] {
        const long result = f();
        was_there = was_there || result == -busy;
        return result == -EINVAL && was_there ? -EIDRM : result;
    });
}

long change_semaphores(Scheduler& loop, int set, sembuf* operations, std::size_t count,
                       TimePoint deadline, const char* what) noexcept {
    Sys& sys = hooks::sys(loop);
    bool waits = false;
    for (std::size_t i = 0; operations && i < count; ++i) {
        waits = waits || (operations[i].sem_flg & IPC_NOWAIT) == 0;
    }
    const timespec none{0, 0};
    const auto call = [&] { return sys(SYS_semtimedop, set, operations, count, &none); };
    if (!waits) {
        did_not_suspend(loop);
        return call();
    }
    const long result = until_possible(loop, deadline, what, EAGAIN, call);
    return result == -ETIMEDOUT ? -EAGAIN : result;
}

}  // namespace

namespace in_task {

ssize_t msgrcv(Scheduler& loop, int queue, void* message, size_t size, long type, int flags) {
    Sys& sys = hooks::sys(loop);
    const auto call = [&] {
        return sys(SYS_msgrcv, queue, message, size, type, flags | IPC_NOWAIT);
    };
    if ((flags & IPC_NOWAIT) != 0) {
        did_not_suspend(loop);
        return to_libc(call());
    }
    return to_libc(until_possible(loop, coir::never, "msgrcv", ENOMSG, call));
}

int msgsnd(Scheduler& loop, int queue, const void* message, size_t size, int flags) {
    Sys& sys = hooks::sys(loop);
    const auto call = [&] { return sys(SYS_msgsnd, queue, message, size, flags | IPC_NOWAIT); };
    if ((flags & IPC_NOWAIT) != 0) {
        did_not_suspend(loop);
        return static_cast<int>(to_libc(call()));
    }
    return static_cast<int>(
        to_libc(until_possible(loop, coir::never, "msgsnd", EAGAIN, call)));
}

int semop(Scheduler& loop, int set, sembuf* operations, size_t count) {
    return static_cast<int>(
        to_libc(change_semaphores(loop, set, operations, count, coir::never, "semop")));
}

int semtimedop(Scheduler& loop, int set, sembuf* operations, size_t count,
               const timespec* timeout) {
    if (!is_valid(timeout)) {
        return direct::number(hooks::sys(loop), SYS_semtimedop, set, operations, count, timeout);
    }
    return static_cast<int>(to_libc(
        change_semaphores(loop, set, operations, count, after(loop, timeout), "semtimedop")));
}

int mq_timedsend(Scheduler& loop, mqd_t queue, const char* message, size_t size, unsigned priority,
                 const timespec* timeout) {
    return static_cast<int>(
        when_queue_ready(loop, queue, POLLOUT, timeout, "mq_send", [&](const timespec* limit) {
            return hooks::sys(loop)(SYS_mq_timedsend, queue, message, size, priority, limit);
        }));
}

int mq_send(Scheduler& loop, mqd_t queue, const char* message, size_t size, unsigned priority) {
    return in_task::mq_timedsend(loop, queue, message, size, priority, nullptr);
}

ssize_t mq_timedreceive(Scheduler& loop, mqd_t queue, char* message, size_t size,
                        unsigned* priority, const timespec* timeout) {
    return when_queue_ready(loop, queue, POLLIN, timeout, "mq_receive", [&](const timespec* limit) {
        return hooks::sys(loop)(SYS_mq_timedreceive, queue, message, size, priority, limit);
    });
}

ssize_t mq_receive(Scheduler& loop, mqd_t queue, char* message, size_t size, unsigned* priority) {
    return in_task::mq_timedreceive(loop, queue, message, size, priority, nullptr);
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
