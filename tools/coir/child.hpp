// SPDX-License-Identifier: BSL-1.0
// Work done in a forked copy of this process: what a reactor does there, a crash or a kill by
// seccomp included, is a result here.
#pragma once

#include "interrupt.hpp"

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coir_tool {

/// Work in a child failed: it threw, was killed, or took too long.
class ChildFailure : public std::runtime_error {
public:
    explicit ChildFailure(const std::string& what, int signo = 0, bool timed_out = false)
        : std::runtime_error(what), signo_(signo), timed_out_(timed_out) {}
    /// The signal that killed it; 0: none did.
    int signo() const noexcept { return signo_; }
    /// It had sent nothing when the deadline came.
    bool timed_out() const noexcept { return timed_out_; }

private:
    int signo_;
    bool timed_out_;
};

/// The child's end of its pipe.
class Sender {
public:
    explicit Sender(int fd) : fd_(fd) {}
    /// Sends one message to the parent.
    void send(std::string_view message) { send_frame('m', message); }
    void send_error(std::string_view what) { send_frame('e', what); }
    /// Becomes another program, whose standard output the parent reads with receive_line(). It has
    /// no standard input to read from, and one that does not end before the parent does.
    [[noreturn]] void become(const std::vector<std::string>& command);

private:
    void send_frame(char kind, std::string_view message);
    int fd_;
};

/// A child with a process group of its own, so that the terminal's Ctrl-C reaches only the command.
/// It dies with this process, and is killed, by its pid, by the destructor. This process must have
/// one thread and no event loop.
class Child {
public:
    using Clock = std::chrono::steady_clock;

    Child(InterruptWatch& interrupt, const std::function<void(Sender&)>& body);
    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    ~Child();

    /// The next message. Throws ChildFailure, with what the child threw or how it ended, and
    /// InterruptedBySignal.
    std::string receive(Clock::time_point deadline);
    /// The next line, without its end, of what has become another program.
    std::string receive_line(Clock::time_point deadline);
    pid_t pid() const noexcept { return pid_; }

private:
    void read_exactly(char* to, std::size_t size, Clock::time_point deadline);
    [[noreturn]] void fail_ended();

    InterruptWatch& interrupt_;
    pid_t pid_ = -1;
    int fd_ = -1;
};

/// Runs `body` in a child and returns the one message that it sends.
std::string in_child(InterruptWatch& interrupt, std::chrono::milliseconds at_most,
                     const std::function<void(Sender&)>& body);

}  // namespace coir_tool
