// SPDX-License-Identifier: BSL-1.0
// create_subprocess_exec: what was asked for is checked and prepared here, on the loop, carried out
// by a thread of the pool (spawn.hpp), and made a Process.
#include "process_state.hpp"
#include "spawn.hpp"
#include "thread_pool.hpp"

#include <coir/error.hpp>
#include <coir/fd.hpp>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr const char* call_name = "create_subprocess_exec";
constexpr std::string_view default_path = "/bin:/usr/bin";

[[noreturn]] void refuse(const std::string& why) {
    throw std::invalid_argument("coir: " + std::string(call_name) + ": " + why);
}

void refuse_nul(const std::string& text, const char* what) {
    if (text.find('\0') != std::string::npos) refuse(std::string(what) + " with a NUL in it");
}

void check_options(const std::vector<std::string>& argv, const ProcessOptions& options) {
    if (argv.empty()) refuse("argv is empty; it begins with the program's name");
    for (const std::string& argument : argv) refuse_nul(argument, "an argument");
    refuse_nul(options.cwd, "a cwd");
    refuse_nul(options.executable, "an executable");
    if (options.env) {
        for (const std::string& entry : *options.env) {
            refuse_nul(entry, "an environment entry");
            const std::size_t equals = entry.find('=');
            if (equals == 0 || equals == std::string::npos) {
                refuse("the environment entry '" + entry + "' is not NAME=value");
            }
        }
    }
    if (options.process_group && *options.process_group < 0) refuse("a negative process group");
    if (options.process_group && options.new_session) {
        refuse("a new session is a new process group: ask for one of the two");
    }
    if (options.limit == 0) refuse("a limit of 0");
    for (const Stdio* standard : {&options.stdin_, &options.stdout_, &options.stderr_}) {
        if (standard->kind() == Stdio::Kind::to_stdout && standard != &options.stderr_) {
            refuse("Stdio::to_stdout() is for standard error only");
        }
        if (standard->kind() == Stdio::Kind::fd && standard->descriptor() < 0) {
            refuse("Stdio::fd() of a negative descriptor");
        }
    }
}

// The descriptors of one child: where each of its numbers leads, and our ends of the pipes. What is
// made here is closed when this goes, in time for an error too.
struct Descriptors {
    std::vector<FdMove> moves;
    std::vector<int> kept;
    Fd ours[3];
    Fd null;
    std::vector<Fd> childs;

    void add(int target, int source) {
        moves.push_back({target, source});
        kept.push_back(target);
    }
    int devnull(Sys& sys) {
        if (!null) {
            null.reset(static_cast<int>(check_io(
                sys(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0), "open /dev/null")));
        }
        return null.get();
    }
    int pipe(Sys& sys, int number) {
        int ends[2];
        check_io(sys(SYS_pipe2, &ends[0], O_CLOEXEC), "pipe for a subprocess");
        Fd mine(ends[number == 0 ? 1 : 0]);
        Fd other(ends[number == 0 ? 0 : 1]);
        childs.push_back(std::move(other));
        ours[number] = std::move(mine);
        // Of our end only: the child's is an open file of its own.
        check_io(sys.fcntl(ours[number].get(), F_SETFL, O_NONBLOCK), "fcntl");
        return childs.back().get();
    }
    void place(Sys& sys, int target, const Stdio& where, int standard_output) {
        switch (where.kind()) {
            case Stdio::Kind::inherit:
                kept.push_back(target);
                return;
            case Stdio::Kind::pipe:
                return add(target, pipe(sys, target));
            case Stdio::Kind::devnull:
                return add(target, devnull(sys));
            case Stdio::Kind::to_stdout:
                return add(target, standard_output);
            case Stdio::Kind::fd:
                return add(target, where.descriptor());
        }
    }
};

void place_standard(Sys& sys, const ProcessOptions& options, Descriptors& to) {
    to.place(sys, 0, options.stdin_, -1);
    to.place(sys, 1, options.stdout_, -1);
    const bool moved = options.stdout_.kind() != Stdio::Kind::inherit;
    to.place(sys, 2, options.stderr_, moved ? to.moves.back().source : STDOUT_FILENO);
}

void place_extra(Sys& sys, const ProcessOptions& options, Descriptors& to) {
    for (const ExtraFd& extra : options.extra_fds) {
        if (extra.number < 3) {
            refuse("extra descriptor " + std::to_string(extra.number) + "; they begin at 3");
        }
        const Stdio::Kind kind = extra.to.kind();
        if (kind != Stdio::Kind::fd && kind != Stdio::Kind::devnull) {
            refuse("an extra descriptor is Stdio::fd() or Stdio::devnull()");
        }
        if (kind == Stdio::Kind::fd && extra.to.descriptor() < 0) {
            refuse("Stdio::fd() of a negative descriptor");
        }
        to.place(sys, extra.number, extra.to, -1);
    }
    for (const int fd : options.pass_fds) {
        if (fd < 3) refuse("pass_fds has " + std::to_string(fd) + "; they begin at 3");
        to.add(fd, fd);
    }
    std::sort(to.kept.begin(), to.kept.end());
    const auto twice = std::adjacent_find(to.kept.begin(), to.kept.end());
    if (twice != to.kept.end()) {
        refuse("descriptor " + std::to_string(*twice) + " of the child is named twice");
    }
    std::sort(to.moves.begin(), to.moves.end(),
              [](const FdMove& a, const FdMove& b) { return a.target < b.target; });
}

std::vector<std::string> own_environment() {
    std::vector<std::string> entries;
    for (char** entry = ::environ; entry && *entry; ++entry) entries.emplace_back(*entry);
    return entries;
}

// What execve() is to be tried with: the name, or the name in each folder of the PATH.
std::vector<std::string> candidates_for(const std::string& name,
                                        const std::vector<std::string>& environment) {
    if (name.empty() || name.find('/') != std::string::npos) return {name};
    std::string_view path = default_path;
    for (const std::string& entry : environment) {
        if (entry.compare(0, 5, "PATH=") == 0) path = std::string_view(entry).substr(5);
    }
    std::vector<std::string> candidates;
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        std::string folder(path.substr(begin, end - begin));
        if (folder.empty()) folder = ".";
        candidates.push_back(folder + '/' + name);
        begin = end + 1;
    }
    return candidates;
}

[[noreturn]] void throw_failure(const SpawnPlan& plan, const std::string& name,
                                const ProcessOptions& options) {
    std::string what = "'" + name + "'";
    switch (plan.step) {
        case SpawnStep::exec: break;
        case SpawnStep::clone: what += ": making a process"; break;
        case SpawnStep::session: what += ": setsid"; break;
        case SpawnStep::group: what += ": setpgid"; break;
        case SpawnStep::death_signal: what += ": kill_on_parent_death"; break;
        case SpawnStep::directory: what += ": chdir to '" + options.cwd + "'"; break;
        case SpawnStep::descriptors: what += ": placing its descriptors"; break;
        case SpawnStep::identity: what += ": changing its user or groups"; break;
    }
    throw IoError(plan.error, call_name, -1, what);
}

void prepare(SpawnPlan& plan, Sys& sys, const ProcessOptions& options) {
    plan.sys = &sys;
    plan.directory = options.cwd;
    plan.new_session = options.new_session;
    plan.process_group = options.process_group;
    plan.restore_signals = options.restore_signals;
    sys(SYS_rt_sigprocmask, 0, nullptr, &plan.mask_before, sizeof plan.mask_before);
    plan.kill_on_parent_death = options.kill_on_parent_death;
    plan.umask = options.umask;
    plan.user = options.user;
    plan.group = options.group;
    plan.extra_groups = options.extra_groups;
    plan.use_pidfd = sys(SYS_pidfd_open, -1, 0) == -EINVAL;  // else this kernel has none
}

Process start(TaskBase& self, std::vector<std::string> argv, ProcessOptions options) {
    check_options(argv, options);
    Scheduler& scheduler = self.scheduler();
    Sys& sys = scheduler.sys();
    SpawnPlan plan;
    prepare(plan, sys, options);
    const std::string name = options.executable.empty() ? argv[0] : options.executable;
    std::vector<std::string> environment = options.env ? std::move(*options.env) : own_environment();
    plan.candidates.assign(candidates_for(name, environment));
    plan.arguments.assign(std::move(argv));
    plan.environment.assign(std::move(environment));
    Descriptors descriptors;
    place_standard(sys, options, descriptors);
    place_extra(sys, options, descriptors);
    plan.moves = std::move(descriptors.moves);
    plan.kept = std::move(descriptors.kept);
    // What may throw comes before there is a process.
    const bool leads = options.new_session || options.process_group == pid_t{0};
    std::optional<ProcessStream> pipes[3];
    for (int i = 0; i < 3; ++i) {
        if (descriptors.ours[i]) {
            pipes[i].emplace(std::move(descriptors.ours[i]), StreamOptions{options.limit});
        }
    }
    std::string name_of_program = name;
    if (options.kill_on_parent_death) {
        spawn(plan);
    } else {
        make_calls_in_pool(
            scheduler, [&] { spawn(plan); }, call_name);
    }
    if (plan.error != 0) throw_failure(plan, name, options);
    LoopPtr<ProcessState> state;
    try {
        state = LoopPtr<ProcessState>::make(scheduler, plan.pidfd, plan.pid, leads,
                                            std::move(name_of_program));
    } catch (...) {
        sys(SYS_kill, plan.pid, SIGKILL);
        sys(SYS_wait4, plan.pid, nullptr, 0, nullptr);
        if (plan.pidfd >= 0) sys.close(plan.pidfd);
        throw;
    }
    for (int i = 0; i < 3; ++i) {
        if (pipes[i]) state->pipes[i].emplace(std::move(*pipes[i]));
    }
    Process process(state.release());
    // Cancelled meanwhile: what has begun is undone.
    self.check_cancelled();
    return process;
}

}  // namespace
}  // namespace detail

Process create_subprocess_exec(std::vector<std::string> argv, ProcessOptions options) {
    detail::TaskBase& self = detail::require_task("create_subprocess_exec");
    self.check_cancelled();
    return detail::start(self, std::move(argv), std::move(options));
}

Process create_subprocess_shell(std::string command, ProcessOptions options) {
    return create_subprocess_exec({"/bin/sh", "-c", std::move(command)}, std::move(options));
}

}  // namespace v0
}  // namespace coir
