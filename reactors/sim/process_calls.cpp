// SPDX-License-Identifier: BSL-1.0
// System calls about processes, and those that a child makes before its program runs. See sim_sys.hpp.
//
// The child runs on a stack of its own until it makes execve or exit_group, as after vfork(). What it does to
// its descriptors, signals and groups concerns the simulated process only.
#include "processes.hpp"
#include "sim_sys.hpp"

#include <coir/detail/side_stack.hpp>

#include <csignal>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/wait.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr std::size_t child_stack_size = 64 * 1024;
constexpr int kernel_p_pidfd = 3;
constexpr int clone_pidfd = 0x00001000;
constexpr long to_process_group = 1u << 2;  // PIDFD_SIGNAL_PROCESS_GROUP

bool is_about_processes(long number) noexcept {
    switch (number) {
        case SYS_waitid:
        case SYS_wait4:
        case SYS_kill:
        case SYS_pidfd_send_signal:
            return true;
        default:
            return false;
    }
}

std::vector<std::string> strings(long array) {
    std::vector<std::string> texts;
    for (auto** text = reinterpret_cast<char**>(array); text && *text; ++text) texts.emplace_back(*text);
    return texts;
}

}  // namespace

// The child of one make_child().
struct SimSys::Child {
    Child(std::shared_ptr<Process> of, int (*body)(void*), void* with)
        : process(std::move(of)), main(body), argument(with), own(child_stack_size, &begin, this) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    static void begin(void* self) noexcept {
        auto& child = *static_cast<Child*>(self);
        child.main(child.argument);
        std::abort();  // it ends by a call
    }

    const std::shared_ptr<Process> process;
    int (*const main)(void*);
    void* const argument;
    std::vector<std::pair<unsigned, unsigned>> closed;  // ranges
    SideStack caller;
    SideStack own;
};

long SimSys::make_child(int (*child)(void*), void* argument, char*, int flags, int* pidfd) noexcept {
    const bool wants_pidfd = (flags & clone_pidfd) != 0;
    if (world_.choices.chance(Site::no_process, world_.faults.no_process)) return -EAGAIN;
    if (wants_pidfd && world_.descriptors.is_full()) return -EMFILE;
    const auto process = world_.processes.create();
    world_.descriptors.for_each([&](int fd, const std::shared_ptr<Node>& node) {
        process->handles.emplace(fd, Handle(node, world_.descriptors.close_on_exec(fd)));
    });
    if (wants_pidfd) {
        auto node = std::make_shared<PidFd>(world_, process);
        process->watchers.push_back(node);
        *pidfd = static_cast<int>(world_.descriptors.add(std::move(node), true));
    }
    Child parts(process, child, argument);
    child_ = &parts;
    parts.caller.switch_to(parts.own);
    child_ = nullptr;
    ++world_.calls;
    return process->pid;
}

// The program runs, or a step has failed: the parent goes on.
void SimSys::leave_child() noexcept { child_->own.switch_to(child_->caller); }

// --- In the child -------------------------------------------------------------------------------

// What the child has of this machine's descriptors, and has not closed: its flags.
long SimSys::inherited_by_child(int fd) {
    const auto number = static_cast<unsigned>(fd);
    for (const auto& [first, last] : child_->closed) {
        if (number >= first && number <= last) return -EBADF;
    }
    return world_.descriptors.owns(fd) ? -EBADF : real_sys().fcntl(fd, F_GETFD);
}

// They become its own when they are named.
Handle* SimSys::find_of_child(int fd) {
    auto& handles = child_->process->handles;
    if (const auto at = handles.find(fd); at != handles.end()) return &at->second;
    const long flags = inherited_by_child(fd);
    if (flags < 0) return nullptr;
    const long twin = real_sys().fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (twin < 0) return nullptr;
    const bool close_on_exec = (flags & FD_CLOEXEC) != 0;
    return &handles.emplace(fd, Handle(static_cast<int>(twin), close_on_exec)).first->second;
}

void SimSys::close_in_child(unsigned first, unsigned last) {
    child_->closed.emplace_back(first, last);
    std::erase_if(child_->process->handles, [first, last](const auto& entry) {
        const auto number = static_cast<unsigned>(entry.first);
        return number >= first && number <= last;
    });
}

long SimSys::place_in_child(int target, const Handle& source, bool close_on_exec) {
    if (target < 0) return -EBADF;
    child_->process->handles.insert_or_assign(target, source.copy(close_on_exec));
    return target;
}

// The standard descriptors that the parent shares with it by doing nothing.
void SimSys::keep_standard_descriptors() {
    for (int fd = 0; fd < 3; ++fd) find_of_child(fd);
}

long SimSys::control_in_child(const Arguments& call) {
    Handle* const handle = find_of_child(call.fd());
    if (!handle) return -EBADF;
    switch (call.b) {
        case F_GETFD:
            return handle->close_on_exec ? FD_CLOEXEC : 0;
        case F_SETFD:
            handle->close_on_exec = (call.c & FD_CLOEXEC) != 0;
            return 0;
        case F_DUPFD_CLOEXEC: {
            int number = static_cast<int>(call.c);
            const auto& handles = child_->process->handles;
            while (handles.count(number) > 0 || inherited_by_child(number) >= 0) ++number;
            return place_in_child(number, *handle, true);
        }
        default:
            return -EINVAL;
    }
}

long SimSys::signals_in_child(const Arguments& call) {
    Process& process = *child_->process;
    if (call.number == SYS_rt_sigprocmask) {
        const auto* set = reinterpret_cast<const std::uint64_t*>(call.b);
        if (set && call.a == SIG_SETMASK) process.blocked = *set;
        return 0;
    }
    const auto signo = static_cast<std::size_t>(call.a);
    if (call.c != 0) {
        const long result = to_kernel({call.number, call.a, 0, call.c, call.d, 0, 0});
        if (result < 0) return result;
        process.ignored[signo] = reinterpret_cast<const KernelAction*>(call.c)->handler == SIG_IGN;
    }
    if (call.b != 0) {
        process.ignored[signo] = reinterpret_cast<const KernelAction*>(call.b)->handler == SIG_IGN;
    }
    return 0;
}

long SimSys::change_directory(const char* path) {
    const auto located = world_.files.locate(nullptr, path);
    long error = 0;
    struct stat status {};
    if (located) {
        const auto inode = world_.files.find(*located, &error);
        if (!inode) return error;
        status.st_mode = inode->mode;
    } else if (error = real_sys()(SYS_newfstatat, AT_FDCWD, path, &status, 0); error < 0) {
        return error;
    }
    if (!S_ISDIR(status.st_mode)) return -ENOTDIR;
    child_->process->directory = path;
    return 0;
}

long SimSys::execute(const Arguments& call) {
    const testing::SimProgram* const program =
        world_.processes.find_program(reinterpret_cast<const char*>(call.a));
    if (!program) return -ENOENT;
    Process& process = *child_->process;
    keep_standard_descriptors();
    process.arguments = strings(call.b);
    process.environment = strings(call.c);
    process.begin(*program);
    leave_child();
    return -EINVAL;  // nobody comes back here
}

long SimSys::in_child(const Arguments& call) {
    Process& process = *child_->process;
    switch (call.number) {
        case SYS_rt_sigaction:
        case SYS_rt_sigprocmask:
            return signals_in_child(call);
        case SYS_getppid:
            return real_sys()(SYS_getpid);
        case SYS_setsid:
            return process.group = process.pid;
        case SYS_setpgid:
            if (call.b != 0 && !world_.processes.has_group(static_cast<pid_t>(call.b))) return -EPERM;
            process.group = call.b != 0 ? static_cast<pid_t>(call.b) : process.pid;
            return 0;
        case SYS_umask:
        case SYS_prctl:
        case SYS_setgroups:
        case SYS_setresgid:
        case SYS_setresuid:
            return 0;  // of which nothing is simulated
        case SYS_chdir:
            return change_directory(reinterpret_cast<const char*>(call.a));
        case SYS_fcntl:
            return control_in_child(call);
        case SYS_dup3: {
            const Handle* const source = find_of_child(call.fd());
            return source ? place_in_child(static_cast<int>(call.b), *source, false) : -EBADF;
        }
        case SYS_close_range:
            close_in_child(static_cast<unsigned>(call.a), static_cast<unsigned>(call.b));
            return 0;
        case SYS_close:
            close_in_child(static_cast<unsigned>(call.a), static_cast<unsigned>(call.a));
            return 0;
        case SYS_execve:
            return execute(call);
        case SYS_exit_group:
            process.end(static_cast<int>(call.a) & 0xff, 0);
            leave_child();
            return 0;  // nobody comes back here
        default:
            refuse(call, "in a new process is not simulated");
    }
}

// --- Of the parent ------------------------------------------------------------------------------

bool SimSys::on_processes(const Arguments& call, long& result) {
    if (call.number == SYS_pidfd_open) {
        const auto pid = static_cast<pid_t>(call.a);
        const auto process = world_.processes.find(pid);
        if (!process && pid >= 0) return false;  // the program's own: the kernel's
        result = world_.processes.has_pidfd() ? -EINVAL : -ENOSYS;
        if (result == -ENOSYS || !process) return true;
        auto node = std::make_shared<PidFd>(world_, process);
        process->watchers.push_back(node);
        result = world_.descriptors.add(std::move(node), true);
        return true;
    }
    if (!is_about_processes(call.number)) return false;
    result = make_process_call(call);
    ++world_.calls;
    note(call.number, result);
    return true;
}

long SimSys::make_process_call(const Arguments& call) {
    switch (call.number) {
        case SYS_waitid:
            return wait_id(call);
        case SYS_wait4:
            return wait_status(call);
        case SYS_kill: {
            const auto pid = static_cast<pid_t>(call.a);
            const auto signo = static_cast<int>(call.b);
            if (pid < -1) return world_.processes.signal_group(-pid, signo);
            if (world_.processes.find(pid)) return world_.processes.signal(pid, signo);
            refuse(call, "to a process that is not simulated");
        }
        default: {
            const auto* const pidfd = dynamic_cast<const PidFd*>(world_.descriptors.find(call.fd()));
            if (!pidfd) return -EBADF;
            Process& process = pidfd->process();
            const auto signo = static_cast<int>(call.b);
            if ((call.d & to_process_group) != 0) {
                if (!world_.processes.signals_groups_by_pidfd()) return -EINVAL;
                return world_.processes.signal_group(process.group, signo);
            }
            return process.state == Process::State::gone ? -ESRCH
                                                         : world_.processes.signal(process.pid, signo);
        }
    }
}

// Which process is meant; an error when there can be none.
long SimSys::find_waited(long kind, long id, std::shared_ptr<Process>& process) {
    switch (kind) {
        case P_PID:
            process = world_.processes.find(static_cast<pid_t>(id));
            return process ? 0 : -ECHILD;
        case P_ALL:
            process = world_.processes.ended();
            return world_.processes.any() ? 0 : -ECHILD;
        case P_PGID:
            process = world_.processes.ended(static_cast<pid_t>(id));
            return world_.processes.has_group(static_cast<pid_t>(id)) ? 0 : -ECHILD;
        case kernel_p_pidfd: {
            if (!world_.processes.has_pidfd()) return -EINVAL;
            const auto* const pidfd =
                dynamic_cast<const PidFd*>(world_.descriptors.find(static_cast<int>(id)));
            if (!pidfd) return -EBADF;
            process = world_.processes.find(pidfd->process().pid);
            return process ? 0 : -ECHILD;
        }
        default:
            return -EINVAL;
    }
}

long SimSys::wait_id(const Arguments& call) {
    std::shared_ptr<Process> process;
    auto* const info = reinterpret_cast<siginfo_t*>(call.c);
    if (const long error = find_waited(call.a, call.b, process); error < 0) return error;
    if (process && world_.processes.reap(*process, info)) return 0;
    if ((call.d & WNOHANG) == 0) refuse(call, "would block the loop's thread");
    if (info) *info = {};
    return 0;
}

long SimSys::wait_status(const Arguments& call) {
    const long pid = call.a;
    std::shared_ptr<Process> process;
    const long kind = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
    if (const long error = find_waited(kind, pid < -1 ? -pid : pid, process); error < 0) return error;
    const pid_t number = process ? process->pid : 0;
    siginfo_t info{};
    if (process && world_.processes.reap(*process, &info)) {
        if (call.b != 0) {
            *reinterpret_cast<int*>(call.b) =
                info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
        }
        return number;
    }
    if ((call.c & WNOHANG) == 0) refuse(call, "would block the loop's thread");
    return 0;
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
