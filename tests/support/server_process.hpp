// SPDX-License-Identifier: BSL-1.0
// A server under test: its three standard streams are pipes, and how it ends is seen.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "bench/support/system.hpp"

namespace server_test {

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

    /// The number at the end of the first line of its output. Throws std::runtime_error.
    int port();
    void kill(int signo) const;
    void end_input() { input_.reset(); }
    End wait(std::chrono::milliseconds at_most);
    /// Bytes of physical memory that it has.
    std::size_t memory() const;
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
    /// Sends all while it reads; returns the next `size` bytes that come, or fewer when the stream
    /// ends or nothing comes for five seconds.
    std::string send_and_receive(const std::string& text, std::size_t size);
    /// The same for as many bytes as `text` has.
    std::string exchange(const std::string& text) { return send_and_receive(text, text.size()); }
    /// Sends `chunk` again and again until nothing moves for a while, or `most` bytes are sent.
    std::size_t send_without_reading(std::size_t most,
                                     const std::string& chunk = std::string(65536, 'f'));
    /// Up to `size` bytes; fewer at the end, or when nothing comes for five seconds.
    std::string receive(std::size_t size);
    void send(const std::string& text);
    /// Whether the stream ends now, in order.
    bool ends(std::chrono::milliseconds at_most = std::chrono::seconds(5));
    /// Whether the server resets the connection, what is unread or not.
    bool is_reset(std::chrono::milliseconds at_most);
    void end_output() const;
    /// Closes with a reset.
    void reset();

private:
    bool wait_for(short events, int milliseconds) const;
    UniqueFd fd_;
};

}  // namespace server_test
