// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

#include "../support/endpoint.hpp"

namespace coir_bench {

// Forwards what comes on connections to `listen_fd` to connections of their own to the backend, and
// back, in one loop on epoll, for ever. Throws std::system_error.
[[noreturn]] void run_epoll_proxy(int listen_fd, const Endpoint& backend, std::size_t buffer_bytes);

}  // namespace coir_bench
