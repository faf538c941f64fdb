// SPDX-License-Identifier: BSL-1.0
// See processes.hpp.
#include "processes.hpp"

#include "world.hpp"

#include <csignal>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

void Processes::install(const std::string& path, testing::SimProgram program) {
    programs_[path] = std::move(program);
}

const testing::SimProgram* Processes::find_program(const std::string& path) const noexcept {
    const auto at = programs_.find(path);
    return at == programs_.end() ? nullptr : &at->second;
}

std::shared_ptr<Process> Processes::create() {
    auto process = std::make_shared<Process>(world_, ++last_);
    processes_[process->pid] = process;
    return process;
}

std::shared_ptr<Process> Processes::find(pid_t pid) const noexcept {
    const auto at = processes_.find(pid);
    return at == processes_.end() ? nullptr : at->second;
}

bool Processes::has_group(pid_t group) const noexcept {
    for (const auto& entry : processes_) {
        if (entry.second->group == group) return true;
    }
    return false;
}

long Processes::signal(pid_t pid, int signo) noexcept {
    const auto process = find(pid);
    if (!process) return -ESRCH;
    process->signal(signo);  // one that nobody has waited for takes it, too
    return 0;
}

long Processes::signal_group(pid_t group, int signo) noexcept {
    long result = -ESRCH;
    for (const auto& entry : processes_) {
        if (entry.second->group != group) continue;
        entry.second->signal(signo);
        result = 0;
    }
    return result;
}

bool Processes::reap(Process& process, siginfo_t* info) noexcept {
    if (process.state != Process::State::ended) return false;
    if (info) {
        *info = {};
        info->si_signo = SIGCHLD;
        info->si_pid = process.pid;
        info->si_code = process.end_signal == 0 ? CLD_EXITED : CLD_KILLED;
        info->si_status = process.end_signal == 0 ? process.exit_status : process.end_signal;
    }
    process.state = Process::State::gone;
    processes_.erase(process.pid);
    return true;
}

std::shared_ptr<Process> Processes::ended(std::optional<pid_t> group) const noexcept {
    for (const auto& entry : processes_) {
        const bool meant = !group || entry.second->group == *group;
        if (meant && entry.second->state == Process::State::ended) return entry.second;
    }
    return nullptr;
}

void Processes::kill_all() noexcept {
    for (const auto& entry : processes_) entry.second->signal(SIGKILL);
}

Processes::Kernel& Processes::kernel() {
    if (!kernel_) {
        const std::uint32_t age = world_.machine.below(8);
        kernel_ = Kernel{age != 0, age >= 4};
    }
    return *kernel_;
}

bool Processes::has_pidfd() { return kernel().pidfd; }
bool Processes::signals_groups_by_pidfd() { return kernel().groups; }

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
