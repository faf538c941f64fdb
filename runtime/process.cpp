// SPDX-License-Identifier: BSL-1.0
// Process: waiting, signals, the end of a handle. See process_state.hpp.
#include "process_state.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/fd.hpp>
#include <coir/log.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <stdexcept>

#include <poll.h>
#include <sys/wait.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr Nanoseconds longest_grace = std::chrono::seconds(10);
constexpr int kernel_p_pidfd = 3;
constexpr unsigned to_process_group = 1u << 2;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9

void check_number(int signo) {
    if (signo >= 0 && signo <= 64) return;
    throw std::invalid_argument("coir: there is no signal " + std::to_string(signo) +
                                "; signals are 1 to 64, and 0 only asks");
}

ExitStatus status_of(const siginfo_t& info) noexcept {
    if (info.si_code == CLD_EXITED) return {info.si_status, 0, true};
    return {-1, info.si_status, true};
}

}  // namespace

bool ProcessState::reap() noexcept {
    if (status) return true;
    siginfo_t info{};
    const auto look = [&](int kind, int id) noexcept {
        long result;
        do {
            result = sys()(SYS_waitid, kind, id, &info, WEXITED | WNOHANG, nullptr);
        } while (result == -EINTR);
        return result;
    };
    long result = is_open() ? look(kernel_p_pidfd, fd()) : -EINVAL;
    if (result == -EINVAL) result = look(P_PID, pid);  // no pidfd, or Linux 5.3
    if (result == 0 && info.si_pid == 0) return false;
    if (result == 0) {
        status = status_of(info);
        return true;
    }
    status = ExitStatus();
    try {
        log(LogLevel::warning, "coir: process " + std::to_string(pid) + " ('" + name +
                                   "') was reaped by somebody else: its status is unknown");
    } catch (const std::bad_alloc&) {
        // Then it is not said.
    }
    return true;
}

// Until it may have ended.
void ProcessState::wait_for_news(Nanoseconds& pause) {
    if (is_open()) {
        wait_fd(fd(), POLLIN);
        return;
    }
    sleep(pause);
    pause = std::min<Nanoseconds>(pause * 2, std::chrono::milliseconds(20));
}

ExitStatus ProcessState::wait() {
    TaskBase& self = require_own_task("Process::wait");
    self.check_cancelled();
    const auto keep = LoopPtr<ProcessState>::share(this);
    if (reap()) {
        scheduler().spend_credit();
        return *status;
    }
    for (Nanoseconds pause = std::chrono::milliseconds(1); !reap();) wait_for_news(pause);
    return *status;
}

bool ProcessState::send_signal(int signo) {
    check_number(signo);
    scheduler().require_thread("Process::send_signal");
    if (status) return false;
    // Until it is reaped, which only happens here, its number is its own.
    const long result = is_open() ? sys()(SYS_pidfd_send_signal, fd(), signo, nullptr, 0)
                                  : sys()(SYS_kill, pid, signo);
    if (result == -ESRCH) return false;
    check_io(result, "Process::send_signal");
    return true;
}

bool ProcessState::signal_group(int signo) {
    check_number(signo);
    scheduler().require_thread("Process::kill_group");
    if (!leads_group) {
        throw std::logic_error("coir: kill_group() of a process that leads no group: start it with "
                               "new_session, or with a process_group of 0");
    }
    long result = -EINVAL;
    if (is_open()) result = sys()(SYS_pidfd_send_signal, fd(), signo, nullptr, to_process_group);
    if (result == -EINVAL) {
        if (status) return false;  // the number may be another group's by now
        result = sys()(SYS_kill, -pid, signo);
    }
    if (result == -ESRCH) return false;
    check_io(result, "Process::kill_group");
    return true;
}

void ProcessState::detach() {
    scheduler().require_thread("Process::detach");
    if (std::exchange(detached_, true) || reap() || running_here != &scheduler()) return;
    TaskOptions options;
    options.name = "reaper";
    spawn_detached(options, [keep = LoopPtr<ProcessState>::share(this)] { keep->wait(); });
}

// --- The end of a handle ------------------------------------------------------------------------

void ProcessState::reap_masked(TaskBase& self) noexcept {
    self.mask();
    try {
        const Nanoseconds grace = std::min(scheduler().options().cleanup_grace, longest_grace);
        in_time(grace, [&] {
            for (Nanoseconds pause = std::chrono::milliseconds(1); !reap();) wait_for_news(pause);
        });
    } catch (...) {
        // It is then waited for in another way.
    }
    self.unmask();
}

// By the thread's clock: whatever the loop's is, a process lives by that.
void ProcessState::reap_blocking() noexcept {
    constexpr int patience_ms = 1000;
    for (int waited = 0; !reap() && waited < patience_ms;) {
        pollfd end{fd(), POLLIN, 0};  // a negative one is ignored
        timespec slice{0, 10'000'000};
        thread_sys()(SYS_ppoll, &end, 1, &slice, nullptr, 0);
        if (end.revents == 0) waited += 10;
    }
}

void ProcessState::kill_and_reap() noexcept {
    try {
        log(LogLevel::info, "coir: process " + std::to_string(pid) + " ('" + name +
                                "') still ran when its handle went: killed");
    } catch (const std::bad_alloc&) {
        // Then it is not said.
    }
    if (is_open()) {
        sys()(SYS_pidfd_send_signal, fd(), SIGKILL, nullptr, 0);
    } else {
        sys()(SYS_kill, pid, SIGKILL);
    }
    TaskBase* self = current_task_state();
    if (self && &self->scheduler() == &scheduler() && !scheduler().closed()) reap_masked(*self);
    if (!reap()) reap_blocking();
    if (!status) log(LogLevel::warning, "coir: a killed process does not end; it is left behind");
}

void ProcessState::drop() noexcept {
    if (!detached_ && !reap()) kill_and_reap();
    for (std::optional<ProcessStream>& pipe : pipes) {
        if (pipe) pipe->abort();
    }
}

void drop_process(ProcessState* state) noexcept {
    if (!state) return;
    drop_on_loop(*state, [](LoopObject& object) noexcept {
        static_cast<ProcessState&>(object).drop();
        object.drop_ref();
    });
}

namespace {

ProcessStream& pipe_of(ProcessState& state, int number, const char* name) {
    if (state.pipes[number]) return *state.pipes[number];
    throw std::logic_error(std::string("coir: ") + name +
                           "() of a process whose option was not Stdio::pipe()");
}

}  // namespace
}  // namespace detail

Process& Process::operator=(Process&& other) noexcept {
    if (this != &other) {
        detail::drop_process(std::exchange(state_, std::exchange(other.state_, nullptr)));
    }
    return *this;
}

Process::~Process() { detail::drop_process(state_); }

detail::ProcessState& Process::state(const char* call) const {
    if (state_) return *state_;
    throw std::logic_error(std::string("coir: Process::") + call +
                           " of an empty handle, or one that was moved from");
}

ExitStatus Process::wait() { return state("wait").wait(); }
std::optional<ExitStatus> Process::poll() {
    detail::ProcessState& process = state("poll");
    process.scheduler().require_thread("Process::poll");
    process.reap();
    return process.status;
}
bool Process::send_signal(int signo) { return state("send_signal").send_signal(signo); }
bool Process::kill_group(int signo) { return state("kill_group").signal_group(signo); }
pid_t Process::pid() const { return state("pid").pid; }
void Process::detach() { state("detach").detach(); }
ProcessStream& Process::stdin_() { return detail::pipe_of(state("stdin_"), 0, "stdin_"); }
ProcessStream& Process::stdout_() { return detail::pipe_of(state("stdout_"), 1, "stdout_"); }
ProcessStream& Process::stderr_() { return detail::pipe_of(state("stderr_"), 2, "stderr_"); }
ProcessOutput Process::exchange(std::string_view input, const CommunicateOptions& options) {
    return state("communicate").communicate(input, options);
}

}  // namespace v0
}  // namespace coir
