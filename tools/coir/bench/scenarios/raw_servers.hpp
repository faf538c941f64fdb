// SPDX-License-Identifier: BSL-1.0
// Servers as one writes them without coir: what a reactor is to be measured against.
#pragma once

#include "bench/served.hpp"

#include "support/endpoint.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace coir_tool {

/// What baselines with a thread for each connection, or each of the tasks, are called.
inline constexpr const char* threads_baseline = "threads";
/// Loops that do nothing else, on each interface of the kernel. Those that this one lacks fail when they
/// are asked.
inline constexpr const char* epoll_baseline = "raw-epoll";
inline constexpr const char* uring_baseline = "raw-io_uring";
inline constexpr const char* poll_baseline = "raw-poll";

/// All of these.
std::vector<std::string> all_baselines();

/// The same loop on each interface of the kernel.
template <class Function>
struct RawLoops {
    Function* epoll;
    Function* uring;
    Function* poll;

    /// REQUIRES: the name of such a baseline.
    Function& named(std::string_view name) const {
        return *(name == uring_baseline ? uring : name == poll_baseline ? poll : epoll);
    }
};

/// For streams: all of them, a thread for each connection, and "raw-io_uring-multishot". For datagrams:
/// all of them, with one thread.
std::vector<std::string> raw_echo_servers(coir_bench::Transport transport);

/// Echoes until it is killed. REQUIRES: one of those names.
void serve_raw_echo(const std::string& name, coir_bench::Transport transport,
                    std::size_t buffer_size, const Ready& ready);

/// Sends what comes on `from` to `to`, until either ends.
void pump_blocking(int from, int to, std::size_t buffer_size);

/// Accepts TCP until it is killed; each connection in a thread, which closes it.
[[noreturn]] void serve_with_threads(const std::function<void(int fd)>& handler, const Ready& ready);

/// Sends all. False: the peer is gone.
bool send_all(int fd, std::string_view bytes);

}  // namespace coir_tool
