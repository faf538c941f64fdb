// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <vector>

#include "../support/endpoint.hpp"

namespace coir_bench {

// Send back what comes on pipes: all of them, not blocking, in a loop on epoll, for ever; or one,
// blocking, until it ends. Throw std::system_error.
[[noreturn]] void echo_pipes_epoll(const std::vector<Ends>& pipes, std::size_t buffer_bytes);
void echo_pipe_blocking(const Ends& pipe, std::size_t buffer_bytes);

}  // namespace coir_bench
