// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <vector>

#include "../support/endpoint.hpp"

namespace coir_bench {

// Send back what comes on pipes until all of them end. Throw std::system_error.
//
// All of them, not blocking, in one loop: waiting for readiness, or with one operation of an io_uring
// in flight for each.
void echo_pipes_epoll(const std::vector<Ends>& pipes, std::size_t buffer_bytes);
void echo_pipes_poll(const std::vector<Ends>& pipes, std::size_t buffer_bytes);
void echo_pipes_uring(const std::vector<Ends>& pipes, std::size_t buffer_bytes);
// One, blocking.
void echo_pipe_blocking(const Ends& pipe, std::size_t buffer_bytes);

}  // namespace coir_bench
