// SPDX-License-Identifier: BSL-1.0
// See process.hpp.
#include "process.hpp"

#include "world.hpp"

#include <coir/detail/sys.hpp>

#include <csignal>
#include <cstdio>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

// What unwinds a program's stack. Not a std::exception: programs catch those.
struct Exit {
    int status;
    int signo;
};

bool harmless_by_default(int signo) noexcept {
    return signo == SIGCHLD || signo == SIGCONT || signo == SIGURG || signo == SIGWINCH;
}

bool stops_by_default(int signo) noexcept {
    return signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
}

[[noreturn]] void fail(long negative, const char* what) {
    throw std::system_error(static_cast<int>(-negative), std::generic_category(), what);
}

// Files and /dev/null never make anybody wait.
bool never_waits(int fd) noexcept {
    struct stat status {};
    if (real_sys()(SYS_fstat, fd, &status) < 0) return true;
    const bool memory_device = S_ISCHR(status.st_mode) && major(status.st_rdev) == 1;
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || memory_device;
}

}  // namespace

// --- Descriptors --------------------------------------------------------------------------------

Handle::Handle(std::shared_ptr<Node> node, bool on_exec) : close_on_exec(on_exec), node_(std::move(node)) {
    node_->opened();
}
Handle::Handle(int real, bool on_exec) noexcept : close_on_exec(on_exec), real_(real) {}
Handle::Handle(Handle&& other) noexcept
    : close_on_exec(other.close_on_exec), node_(std::move(other.node_)),
      real_(std::exchange(other.real_, -1)) {}
Handle& Handle::operator=(Handle&& other) noexcept {
    if (this == &other) return *this;
    let_go();
    close_on_exec = other.close_on_exec;
    node_ = std::move(other.node_);
    real_ = std::exchange(other.real_, -1);
    return *this;
}
Handle::~Handle() { let_go(); }

void Handle::let_go() noexcept {
    if (const auto node = std::exchange(node_, nullptr)) node->let_go();
    if (real_ >= 0) real_sys().close(std::exchange(real_, -1));
}

Handle Handle::copy(bool on_exec) const {
    if (node_) return Handle(node_, on_exec);
    const long twin = real_sys().fcntl(real_, F_DUPFD_CLOEXEC, 3);
    if (twin < 0) fail(twin, "dup");
    return Handle(static_cast<int>(twin), on_exec);
}

PidFd::PidFd(World& world, std::shared_ptr<Process> process) : Node(world), process_(std::move(process)) {}
unsigned PidFd::events() const noexcept {
    return process_->has_ended() ? unsigned{POLLIN | POLLRDNORM} : 0u;
}

// --- Its life -----------------------------------------------------------------------------------

void Process::begin(testing::SimProgram program) {
    std::erase_if(handles, [](const auto& entry) { return entry.second.close_on_exec; });
    state = State::running;
    world_.threads.start("process " + std::to_string(pid),
                         [self = shared_from_this(), program = std::move(program)] { self->run(program); });
}

void Process::run(const testing::SimProgram& program) noexcept {
    testing::SimProcess self(*this);
    int status = 0;
    int signo = 0;
    try {
        status = program(self);
    } catch (const Exit& exit) {
        status = exit.status;
        signo = exit.signo;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "coir: simulate: process %d ('%s') dies of an exception: %s; seed %llu\n", pid,
                     arguments.empty() ? "" : arguments[0].c_str(), error.what(),
                     static_cast<unsigned long long>(world_.seed));
        signo = SIGABRT;
    } catch (...) {
        signo = SIGABRT;
    }
    end(status & 0xff, signo);
}

void Process::end(int status, int signo) noexcept {
    exit_status = status;
    end_signal = signo;
    handles.clear();
    state = State::ended;
    world_.choices.mix(static_cast<std::uint64_t>(pid) << 16 | static_cast<std::uint64_t>(status | signo << 8));
    for (const auto& watcher : watchers) {
        if (const auto node = watcher.lock()) node->changed(POLLIN);
    }
    signal_program(SIGCHLD);
}

// Real ones: the program's handlers are real.
bool signal_program(int signo) noexcept {
    KernelAction action{};
    Sys& sys = real_sys();
    sys(SYS_rt_sigaction, signo, nullptr, &action, sizeof action.mask);
    if (action.handler == SIG_DFL) return false;
    if (action.handler != SIG_IGN) sys(SYS_tgkill, sys(SYS_getpid), sys(SYS_gettid), signo);
    return true;
}

bool Process::signal(int signo) noexcept {
    if (has_ended()) return false;
    if (signo == 0) return true;
    if (signo == SIGCONT) pending_ &= ~(std::uint64_t{1} << (SIGSTOP - 1));
    pending_ |= std::uint64_t{1} << (signo - 1);
    return true;
}

// --- Its signals --------------------------------------------------------------------------------

bool Process::interrupts() const noexcept {
    constexpr std::uint64_t always = std::uint64_t{1} << (SIGKILL - 1) | std::uint64_t{1} << (SIGSTOP - 1);
    return (pending_ & (~blocked | always)) != 0;
}

void Process::take_signals() {
    while (interrupts()) {
        for (int signo = 1; signo <= 64; ++signo) {
            const bool must = signo == SIGKILL || signo == SIGSTOP;
            if (!is_pending(signo) || (!must && (blocked >> (signo - 1) & 1) != 0)) continue;
            pending_ &= ~(std::uint64_t{1} << (signo - 1));
            take(signo);
        }
    }
}

void Process::take(int signo) {
    const auto number = static_cast<std::size_t>(signo);
    if (ignored[number]) return;
    if (handlers[number]) return handlers[number](signo);
    if (harmless_by_default(signo)) return;
    if (stops_by_default(signo)) return stop();
    unwinding_ = true;
    throw Exit{0, signo};
}

// A thread that does not come back until it is told to.
class Process::Wait final : public Sleep {
public:
    Wait(const Process& process, Node* node, unsigned events, TimePoint until)
        : Sleep(until), process_(process), node_(node), events_(events) {}
    bool is_over() noexcept override {
        return (node_ && (node_->events() & events_) != 0) || process_.interrupts();
    }

private:
    const Process& process_;
    Node* const node_;
    const unsigned events_;
};

void Process::stop() {
    class Stopped final : public Sleep {
    public:
        explicit Stopped(const Process& process) : Sleep(never), process_(process) {}
        bool is_over() noexcept override {
            return process_.is_pending(SIGCONT) || process_.is_pending(SIGKILL);
        }

    private:
        const Process& process_;
    } stopped(*this);
    if (world_.threads.wait(stopped)) return;
    unwinding_ = true;
    throw Exit{0, SIGKILL};  // nothing is left that could wake it
}

bool Process::enter() {
    if (unwinding_) return false;
    world_.threads.pass();
    take_signals();
    return true;
}

// Until `node` has one of the events, or a signal, or the time has come.
void Process::wait_for(Node* node, unsigned events, TimePoint until) {
    Wait wait(*this, node, events, until);
    if (!world_.threads.wait(wait)) {
        unwinding_ = true;
        throw Exit{0, SIGKILL};
    }
    take_signals();
}

void Process::exit(int status) {
    unwinding_ = true;
    throw Exit{status, 0};
}

// --- Its calls ----------------------------------------------------------------------------------

Handle& Process::handle(int fd) {
    const auto at = handles.find(fd);
    if (at == handles.end()) fail(-EBADF, "a simulated process");
    return at->second;
}

void Process::note(int fd, long result) noexcept {
    world_.choices.mix(static_cast<std::uint64_t>(pid) << 40 ^ static_cast<std::uint64_t>(fd) << 32 ^
                       static_cast<std::uint64_t>(result));
}

std::size_t Process::read(int fd, char* buffer, std::size_t size) {
    const iovec piece{buffer, size};
    for (;;) {
        if (!enter()) return 0;
        Handle& from = handle(fd);
        if (!from.node() && !never_waits(from.real())) {
            throw std::logic_error("coir: simulate: a process reads the machine's descriptor, which would wait");
        }
        const long result = from.node() ? from.node()->read(Pieces(&piece, 1))
                                        : real_sys().read(from.real(), buffer, size);
        if (result == -EAGAIN) {
            const auto node = from.node();
            wait_for(node.get(), POLLIN | POLLHUP | POLLERR | POLLRDHUP, never);
            continue;
        }
        note(fd, result);
        if (result < 0) fail(result, "read");
        return static_cast<std::size_t>(result);
    }
}

void Process::write(int fd, const char* bytes, std::size_t size) {
    while (size > 0) {
        if (!enter()) return;
        Handle& to = handle(fd);
        const iovec piece{const_cast<char*>(bytes), size};
        const long result = to.node() ? to.node()->write(Pieces(&piece, 1))
                                      : real_sys().write(to.real(), bytes, size);
        if (result == -EAGAIN) {
            const auto node = to.node();
            wait_for(node.get(), POLLOUT | POLLHUP | POLLERR, never);
            continue;
        }
        note(fd, result);
        if (result == -EPIPE) {
            signal(SIGPIPE);
            take_signals();
        }
        if (result < 0) fail(result, "write");
        bytes += result;
        size -= static_cast<std::size_t>(result);
    }
}

void Process::sleep(std::chrono::nanoseconds duration) {
    if (!enter()) return;
    const TimePoint until = saturating_add(world_.now(), std::max(duration, std::chrono::nanoseconds(0)));
    while (world_.now() < until) wait_for(nullptr, 0, until);
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
