// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

#include "../support/endpoint.hpp"

namespace coir_bench {

// Forward what comes on connections to `listen_fd` to connections of their own to the backend, and
// back, in one loop, for ever. Throw std::system_error.
[[noreturn]] void run_epoll_proxy(int listen_fd, const Endpoint& backend, std::size_t buffer_bytes);
[[noreturn]] void run_poll_proxy(int listen_fd, const Endpoint& backend, std::size_t buffer_bytes);
// Multishot accept; for each way a receive into a buffer of its own, then a send out of it.
[[noreturn]] void run_uring_proxy(int listen_fd, const Endpoint& backend, std::size_t buffer_bytes);

}  // namespace coir_bench
