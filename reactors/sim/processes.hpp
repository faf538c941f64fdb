// SPDX-License-Identifier: BSL-1.0
// The processes of the world, and the programs that they can run.
#pragma once

#include "process.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/wait.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class Processes {
public:
    explicit Processes(World& world) : world_(world) {}

    void install(const std::string& path, testing::SimProgram program);
    /// Null: there is no such program.
    const testing::SimProgram* find_program(const std::string& path) const noexcept;

    std::shared_ptr<Process> create();
    /// Null: there is none, or it has been waited for.
    std::shared_ptr<Process> find(pid_t pid) const noexcept;
    bool has_group(pid_t group) const noexcept;
    /// 0, or -ESRCH.
    long signal(pid_t pid, int signo) noexcept;
    long signal_group(pid_t group, int signo) noexcept;
    /// Takes its status, if it has ended.
    bool reap(Process& process, siginfo_t* info) noexcept;
    /// One that has ended, of `group` when that is given.
    std::shared_ptr<Process> ended(std::optional<pid_t> group = std::nullopt) const noexcept;
    bool any() const noexcept { return !processes_.empty(); }
    void for_each(const std::function<void(Process&)>& f) const {
        for (const auto& entry : processes_) f(*entry.second);
    }
    /// Those that still run.
    void kill_all() noexcept;
    std::size_t left() const noexcept { return processes_.size(); }

    /// What the kernel is like; drawn when it is first asked for.
    bool has_pidfd();
    bool signals_groups_by_pidfd();

private:
    struct Kernel {
        bool pidfd;
        bool groups;
    };
    Kernel& kernel();

    World& world_;
    std::map<std::string, testing::SimProgram> programs_;
    std::map<pid_t, std::shared_ptr<Process>> processes_;
    std::optional<Kernel> kernel_;
    pid_t last_ = 100'000'000;  // beyond what Linux gives
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
