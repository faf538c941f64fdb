// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace coir_bench {

// Send every datagram back to where it came from, for ever. Throw std::system_error.
//
// Waiting for readiness, then one receive and one send a datagram, until there is none.
[[noreturn]] void echo_datagrams_epoll(int fd, std::size_t buffer_bytes);
[[noreturn]] void echo_datagrams_poll(int fd, std::size_t buffer_bytes);
// One multishot receive into provided buffers, and sends out of them.
[[noreturn]] void echo_datagrams_uring(int fd, std::size_t buffer_bytes);
// In blocking calls.
[[noreturn]] void echo_datagrams_blocking(int fd, std::size_t buffer_bytes);

}  // namespace coir_bench
