// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace coir_bench {

// Send every datagram back to where it came from, for ever: waiting by epoll, one receive and one
// send a datagram; or in blocking calls. Throw std::system_error.
[[noreturn]] void echo_datagrams_epoll(int fd, std::size_t buffer_bytes);
[[noreturn]] void echo_datagrams_blocking(int fd, std::size_t buffer_bytes);

}  // namespace coir_bench
