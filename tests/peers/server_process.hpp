// SPDX-License-Identifier: BSL-1.0
// A server under test: its three standard streams are pipes, and how it ends is seen.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

#include "support/system.hpp"

namespace peer_test {

using Clock = std::chrono::steady_clock;
using coir_bench::UniqueFd;

/// How a process ended.
struct End {
    bool in_time = false;
    int status = -1;  ///< of exit(); -1: it did not call it
    int signo = 0;    ///< that killed it
};

class ServerProcess {
public:
    explicit ServerProcess(const std::vector<std::string>& command);
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;
    /// Kills it, by its pid, if it still runs.
    ~ServerProcess();

    /// The first line of its output as a number. Throws std::runtime_error.
    int port();
    void kill(int signo) const;
    void end_input() { input_.reset(); }
    End wait(std::chrono::milliseconds at_most);
    /// What is left of its streams, once it has ended.
    std::string rest_of_output();
    std::string errors();

private:
    pid_t pid_ = -1;
    UniqueFd input_;
    UniqueFd output_;
    UniqueFd errors_;
};

/// A connection to 127.0.0.1, or to another address of the machine. Throws std::system_error.
class Client {
public:
    explicit Client(int port, const char* address = "127.0.0.1");
    /// Sends all while it reads; returns the next `text.size()` bytes that come, or fewer when the
    /// stream ends or nothing comes for five seconds.
    std::string exchange(const std::string& text);
    /// Sends what the sockets take until nothing moves for a while, or `most` is reached.
    std::size_t send_without_reading(std::size_t most);
    /// Up to `size` bytes; fewer at the end, or when nothing comes for five seconds.
    std::string receive(std::size_t size);
    void send(const std::string& text);
    /// Whether the stream ends now, in order.
    bool ends();
    void end_output() const;
    /// Closes with a reset.
    void reset();

private:
    bool wait_for(short events, int milliseconds) const;
    UniqueFd fd_;
};

}  // namespace peer_test
