// SPDX-License-Identifier: BSL-1.0
// See spawn.hpp. From child_main() on, everything runs in the child, in the parent's memory: system
// calls only.
#include "spawn.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#if COIR_ASAN
extern "C" void __asan_unpoison_memory_region(void const volatile*, std::size_t);
#endif

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

// The child leaves frames behind that never return; what the sanitizers note of them would be taken
// for the parent's.
#define COIR_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))

namespace coir {
inline namespace v0 {
namespace detail {

void StringArray::assign(std::vector<std::string> strings) {
    strings_ = std::move(strings);
    pointers_.clear();
    pointers_.reserve(strings_.size() + 1);
    for (std::string& text : strings_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
}

namespace {

constexpr std::size_t kernel_set_size = sizeof(std::uint64_t);  // of the kernel's signal sets
constexpr std::size_t child_stack_size = 48 * 1024;

// The kernel's struct, which differs from libc's.
struct KernelAction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    std::uint64_t mask;
};

struct Child {
    SpawnPlan& plan;
    pid_t parent;
};

[[noreturn]] COIR_CHILD void give_up(SpawnPlan& plan, SpawnStep step, long result) noexcept {
    plan.step = step;
    plan.error = static_cast<int>(-result);
    for (;;) (*plan.sys)(SYS_exit_group, 127);
}

COIR_CHILD inline void check(SpawnPlan& plan, SpawnStep step, long result) noexcept {
    if (result < 0) give_up(plan, step, result);
}

// Handlers must go before anything is unblocked: they would run in the parent's memory. What is
// ignored stays so over execve(), unless it is restored.
COIR_CHILD void reset_signals(SpawnPlan& plan) noexcept {
    Sys& sys = *plan.sys;
    for (int signo = 1; signo <= 64; ++signo) {
        if (signo == SIGKILL || signo == SIGSTOP) continue;
        KernelAction action;
        if (sys(SYS_rt_sigaction, signo, nullptr, &action, kernel_set_size) < 0) continue;
        if (action.handler == SIG_DFL) continue;
        if (action.handler == SIG_IGN && !plan.restore_signals) continue;
        action.handler = SIG_DFL;
        action.flags = 0;
        action.restorer = nullptr;
        action.mask = 0;
        sys(SYS_rt_sigaction, signo, &action, nullptr, kernel_set_size);
    }
}

COIR_CHILD void place_descriptors(SpawnPlan& plan) noexcept {
    Sys& sys = *plan.sys;
    if (plan.moves.empty()) return;
    // First out of the way, so that no move overwrites the source of a later one.
    const int above = plan.moves.back().target + 1;
    for (FdMove& move : plan.moves) {
        if (move.source == move.target || move.source >= above) continue;
        const long high = sys.fcntl(move.source, F_DUPFD_CLOEXEC, above);
        check(plan, SpawnStep::descriptors, high);
        move.source = static_cast<int>(high);
    }
    for (const FdMove& move : plan.moves) {
        const long placed = move.source == move.target ? sys.fcntl(move.source, F_SETFD, 0)
                                                       : sys(SYS_dup3, move.source, move.target, 0);
        check(plan, SpawnStep::descriptors, placed);
    }
}

COIR_CHILD void close_range(Sys& sys, unsigned first, unsigned last) noexcept {
    if (first > last || sys(SYS_close_range, first, last, 0u) == 0) return;
    // Before Linux 5.9: one by one.
    rlimit limit{};
    sys(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit);
    const unsigned end = static_cast<unsigned>(std::min<rlim_t>(limit.rlim_cur, last));
    for (unsigned fd = first; fd <= end && fd < limit.rlim_cur; ++fd) sys.close(static_cast<int>(fd));
}

// Everything of the program's that is not the child's: not all of it may be close-on-exec.
COIR_CHILD void close_others(SpawnPlan& plan) noexcept {
    unsigned from = 3;
    for (const int fd : plan.kept) {
        const auto kept = static_cast<unsigned>(fd);
        if (kept < from) continue;
        if (kept > from) close_range(*plan.sys, from, kept - 1);
        from = kept + 1;
    }
    close_range(*plan.sys, from, std::numeric_limits<int>::max());
}

COIR_CHILD void change_identity(SpawnPlan& plan) noexcept {
    Sys& sys = *plan.sys;
    if (plan.extra_groups) {
        check(plan, SpawnStep::identity,
              sys(SYS_setgroups, plan.extra_groups->size(), plan.extra_groups->data()));
    }
    if (plan.group) {
        check(plan, SpawnStep::identity, sys(SYS_setresgid, *plan.group, *plan.group, *plan.group));
    }
    if (plan.user) {
        check(plan, SpawnStep::identity, sys(SYS_setresuid, *plan.user, *plan.user, *plan.user));
    }
}

// As execvp(): a candidate that is not there is passed over; one that may not be run is
// remembered.
[[noreturn]] COIR_CHILD void run_program(SpawnPlan& plan) noexcept {
    long error = -ENOENT;
    for (char** path = plan.candidates.data(); *path; ++path) {
        const long result =
            (*plan.sys)(SYS_execve, *path, plan.arguments.data(), plan.environment.data());
        if (result == -ENOENT || result == -ENOTDIR) continue;
        error = result;
        if (result != -EACCES) break;
    }
    give_up(plan, SpawnStep::exec, error);
}

COIR_CHILD int child_main(void* argument) {
    auto& child = *static_cast<Child*>(argument);
    SpawnPlan& plan = child.plan;
    Sys& sys = *plan.sys;
    reset_signals(plan);
    if (plan.new_session) check(plan, SpawnStep::session, sys(SYS_setsid));
    if (plan.process_group) {
        check(plan, SpawnStep::group, sys(SYS_setpgid, 0, *plan.process_group));
    }
    if (plan.umask) sys(SYS_umask, *plan.umask);
    change_identity(plan);
    if (plan.kill_on_parent_death) {  // a change of identity would clear it
        check(plan, SpawnStep::death_signal, sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
        if (sys(SYS_getppid) != child.parent) give_up(plan, SpawnStep::death_signal, -ESRCH);
    }
    if (!plan.directory.empty()) {
        check(plan, SpawnStep::directory, sys(SYS_chdir, plan.directory.c_str()));
    }
    place_descriptors(plan);
    close_others(plan);
    const std::uint64_t mask = plan.restore_signals ? 0 : plan.mask_before;
    sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, kernel_set_size);
    run_program(plan);
}

void make_child(SpawnPlan& plan, unsigned flags) noexcept {
    alignas(64) char stack[child_stack_size];
    Child child{plan, static_cast<pid_t>((*plan.sys)(SYS_getpid))};
    const long result = plan.sys->make_child(&child_main, &child, stack + sizeof stack,
                                             static_cast<int>(flags), &plan.pidfd);
    plan.pid = static_cast<pid_t>(result);
    if (result < 0) {
        plan.pid = -1;
        plan.step = SpawnStep::clone;
        plan.error = static_cast<int>(-result);
    }
#if COIR_ASAN
    __asan_unpoison_memory_region(stack, sizeof stack);
#endif
}

}  // namespace

void spawn(SpawnPlan& plan) noexcept {
    Sys& sys = *plan.sys;
    // The child must not run a handler, and begins with this mask.
    const std::uint64_t all = ~std::uint64_t{0};
    std::uint64_t before = 0;
    sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, kernel_set_size);
    constexpr unsigned flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    make_child(plan, plan.use_pidfd ? flags | CLONE_PIDFD : flags);
    sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, kernel_set_size);
    if (plan.error == 0 || plan.pid < 0) return;
    // It has exited already; ECHILD: somebody else has reaped it.
    while (sys(SYS_wait4, plan.pid, nullptr, 0, nullptr) == -EINTR) {
    }
    if (plan.pidfd >= 0) sys.close(plan.pidfd);
    plan.pid = plan.pidfd = -1;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
