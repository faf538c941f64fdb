// SPDX-License-Identifier: BSL-1.0
// wait, waitpid, wait3, wait4, waitid in a task: a look that does not wait, then waiting for news, then
// a look again. So the kernel decides who gets which status, and a cancelled task takes none.
#include "child_wait.hpp"

#include <cerrno>

namespace coir::inline v0::detail::calls {
namespace {

struct Selection {
    int which;
    long id;
};

// What wait4() means by a process number.
Selection selected(pid_t pid) noexcept {
    if (pid > 0) return {P_PID, pid};
    if (pid == -1) return {P_ALL, 0};
    return {P_PGID, pid == 0 ? 0 : -static_cast<long>(pid)};
}

long wait_for_child(Scheduler& loop, pid_t pid, int* status, int options, rusage* usage,
                    const char* what) noexcept {
    Sys& sys = hooks::sys(loop);
    const Selection selection = selected(pid);
    ChildWait waiting(loop, selection.which, selection.id, options | WEXITED, what);
    long result;
    for (;;) {
        result = sys(SYS_wait4, pid, status, options | WNOHANG, usage);
        if (result != 0 || (options & WNOHANG) != 0) break;
        result = waiting.wait();
        if (result < 0) break;
    }
    if (!waiting.suspended()) did_not_suspend(loop);
    return result;
}

}  // namespace

namespace in_task {

pid_t wait(Scheduler& loop, int* status) {
    return static_cast<pid_t>(to_libc(wait_for_child(loop, -1, status, 0, nullptr, "wait")));
}

pid_t waitpid(Scheduler& loop, pid_t pid, int* status, int options) {
    return static_cast<pid_t>(
        to_libc(wait_for_child(loop, pid, status, options, nullptr, "waitpid")));
}

pid_t wait3(Scheduler& loop, int* status, int options, rusage* usage) {
    return static_cast<pid_t>(to_libc(wait_for_child(loop, -1, status, options, usage, "wait3")));
}

pid_t wait4(Scheduler& loop, pid_t pid, int* status, int options, rusage* usage) {
    return static_cast<pid_t>(to_libc(wait_for_child(loop, pid, status, options, usage, "wait4")));
}

int waitid(Scheduler& loop, idtype_t which, id_t id, siginfo_t* info, int options) {
    Sys& sys = hooks::sys(loop);
    if (which == P_PIDFD && is_nonblocking(sys, static_cast<int>(id))) {
        did_not_suspend(loop);
        return direct::number(sys, SYS_waitid, static_cast<int>(which), static_cast<long>(id), info,
                              options, nullptr);
    }
    ChildWait waiting(loop, static_cast<int>(which), static_cast<long>(id), options, "waitid");
    siginfo_t unwanted;
    siginfo_t& found = info ? *info : unwanted;
    long result;
    for (;;) {
        found.si_pid = 0;
        result = sys(SYS_waitid, static_cast<int>(which), static_cast<long>(id), &found,
                     options | WNOHANG, nullptr);
        if (result < 0 || found.si_pid != 0 || (options & WNOHANG) != 0) break;
        result = waiting.wait();
        if (result < 0) break;
    }
    if (!waiting.suspended()) did_not_suspend(loop);
    return static_cast<int>(to_libc(result));
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
