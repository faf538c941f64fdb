// SPDX-License-Identifier: BSL-1.0
// A process of the world.
//
//   prepared --execve--> running --exit, signal--> ended --waited for--> gone
//      `-------exit_group, when a step fails---------^
//
// Its program runs as a thread of the world. A signal that ends it is found in its next call.
#pragma once

#include "node.hpp"

#include <coir/testing_process.hpp>
#include <coir/time.hpp>

#include <bitset>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class Sleep;

/// The kernel's struct, which differs from libc's.
struct KernelAction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    std::uint64_t mask;
};

/// A descriptor of a process: the world's, or one of this machine's.
class Handle {
public:
    explicit Handle(std::shared_ptr<Node> node, bool close_on_exec);
    explicit Handle(int real, bool close_on_exec) noexcept;
    Handle(Handle&& other) noexcept;
    Handle& operator=(Handle&& other) noexcept;
    ~Handle();
    Handle copy(bool close_on_exec) const;

    bool close_on_exec = false;
    const std::shared_ptr<Node>& node() const noexcept { return node_; }
    int real() const noexcept { return real_; }

private:
    void let_go() noexcept;
    std::shared_ptr<Node> node_;
    int real_ = -1;
};

class Process : public std::enable_shared_from_this<Process> {
public:
    enum class State : unsigned char { prepared, running, ended, gone };

    Process(World& world, pid_t number) : pid(number), group(number), world_(world) {}
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    /// Its program begins. What is to be closed at execve() is.
    void begin(testing::SimProgram program);
    /// A signal comes. False: it has ended.
    bool signal(int signo) noexcept;
    void end(int exit_status, int signo) noexcept;
    bool has_ended() const noexcept { return state == State::ended || state == State::gone; }

    // Calls of its program.
    std::size_t read(int fd, char* buffer, std::size_t size);
    void write(int fd, const char* bytes, std::size_t size);
    void sleep(std::chrono::nanoseconds duration);
    [[noreturn]] void exit(int status);
    /// Others may have their turn, and signals come. False: it is being ended, and the stack unwound.
    bool enter();
    Handle& handle(int fd);

    const pid_t pid;
    pid_t group;
    State state = State::prepared;
    int exit_status = 0;
    int end_signal = 0;  ///< 0: it has exited
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::string directory;
    std::map<int, Handle> handles;
    std::bitset<65> ignored;
    std::uint64_t blocked = 0;  ///< bit 0 is signal 1
    std::function<void(int)> handlers[65];
    std::vector<std::weak_ptr<Node>> watchers;  ///< pidfds

private:
    class Wait;
    void run(const testing::SimProgram& program) noexcept;
    bool is_pending(int signo) const noexcept { return (pending_ >> (signo - 1) & 1) != 0; }
    bool interrupts() const noexcept;
    void take_signals();
    void take(int signo);
    void stop();
    void wait_for(Node* node, unsigned events, TimePoint until);
    void note(int fd, long result) noexcept;

    World& world_;
    std::uint64_t pending_ = 0;
    bool unwinding_ = false;
};

/// A signal to the program under test, if it handles or ignores that; whether it does.
bool signal_program(int signo) noexcept;

/// A descriptor that stands for a process.
class PidFd final : public Node {
public:
    PidFd(World& world, std::shared_ptr<Process> process);
    unsigned mode() const noexcept override { return 0; }
    unsigned events() const noexcept override;
    long read(Pieces) override { return -EINVAL; }
    long write(Pieces) override { return -EINVAL; }
    Process& process() const noexcept { return *process_; }

private:
    const std::shared_ptr<Process> process_;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
