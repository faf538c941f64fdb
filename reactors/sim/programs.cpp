// SPDX-License-Identifier: BSL-1.0
// coir::testing::SimProcess and Programs: see coir/testing_process.hpp.
#include <coir/testing_process.hpp>

#include "process.hpp"
#include "world.hpp"

#include <csignal>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace coir {
inline namespace v0 {
namespace testing {
namespace {

using coir::detail::sim::World;

World& world_for(const char* call) {
    if (World* world = coir::detail::sim::current_world()) return *world;
    throw std::logic_error(std::string("coir: Programs::") + call + " outside a simulation");
}

void require_catchable(int signo) {
    if (signo >= 1 && signo <= 64 && signo != SIGKILL && signo != SIGSTOP) return;
    throw std::system_error(EINVAL, std::generic_category(),
                            "coir: signal " + std::to_string(signo) + " of a simulated process");
}

}  // namespace

pid_t SimProcess::pid() const noexcept { return process_.pid; }
const std::vector<std::string>& SimProcess::arguments() const noexcept { return process_.arguments; }
const std::string& SimProcess::directory() const noexcept { return process_.directory; }
bool SimProcess::has(int fd) const noexcept { return process_.handles.count(fd) > 0; }

std::optional<std::string> SimProcess::variable(std::string_view name) const {
    for (const std::string& entry : process_.environment) {
        const std::string_view text = entry;
        if (text.size() > name.size() && text[name.size()] == '=' && text.starts_with(name)) {
            return entry.substr(name.size() + 1);
        }
    }
    return std::nullopt;
}

std::size_t SimProcess::read(int fd, char* buffer, std::size_t size) {
    return process_.read(fd, buffer, size);
}

std::string SimProcess::read_all(int fd) {
    std::string text;
    char buffer[4096];
    while (const std::size_t size = process_.read(fd, buffer, sizeof buffer)) text.append(buffer, size);
    return text;
}

std::optional<std::string> SimProcess::read_line(int fd) {
    std::string line;
    char c = 0;
    while (process_.read(fd, &c, 1) == 1) {
        if (c == '\n') return line;
        line += c;
    }
    return line.empty() ? std::nullopt : std::optional<std::string>(line);
}

void SimProcess::write(int fd, std::string_view bytes) { process_.write(fd, bytes.data(), bytes.size()); }

void SimProcess::close(int fd) {
    if (!process_.enter()) return;
    process_.handle(fd);  // throws
    process_.handles.erase(fd);
}

void SimProcess::sleep(std::chrono::nanoseconds duration) { process_.sleep(duration); }

void SimProcess::ignore(int signo) {
    require_catchable(signo);
    process_.ignored[static_cast<std::size_t>(signo)] = true;
}

void SimProcess::on_signal(int signo, std::function<void(int)> handler) {
    require_catchable(signo);
    process_.ignored[static_cast<std::size_t>(signo)] = false;
    process_.handlers[signo] = std::move(handler);
}

void SimProcess::signal_parent(int signo) {
    require_catchable(signo);
    if (!process_.enter() || coir::detail::sim::signal_program(signo)) return;
    throw std::logic_error("coir: simulate: signal " + std::to_string(signo) +
                           " would end the program under test, which has no handler for it");
}

void SimProcess::exit(int status) { process_.exit(status); }

void Programs::install(std::string_view path, SimProgram program) {
    World& world = world_for("install");
    if (path.empty() || path.front() != '/') {
        throw std::invalid_argument("coir: Programs::install of '" + std::string(path) +
                                    "'; an absolute path is expected");
    }
    world.processes.install(std::string(path), std::move(program));
}

std::vector<pid_t> Programs::running() {
    std::vector<pid_t> pids;
    world_for("running").processes.for_each([&pids](coir::detail::sim::Process& process) {
        if (!process.has_ended()) pids.push_back(process.pid);
    });
    return pids;
}

std::optional<pid_t> Programs::steal() {
    World& world = world_for("steal");
    const auto process = world.processes.ended();
    if (!process) return std::nullopt;
    world.processes.reap(*process, nullptr);
    return process->pid;
}

bool Programs::kill(pid_t pid, int signo) {
    const auto process = world_for("kill").processes.find(pid);
    return process && process->signal(signo);
}

}  // namespace testing
}  // namespace v0
}  // namespace coir
