// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace coir_bench {

// What is done for a request. Returns whether the others are to have a turn before it is answered.
using RequestWork = std::function<bool(std::string_view request)>;

// Answer requests of so many bytes with themselves, one at a time on each connection to `listen_fd`, in
// one loop, for ever. One that waits for its turn is answered after everybody else of the same batch,
// unless its deadline has passed: then its connection ends. Throw std::system_error.
[[noreturn]] void serve_requests_epoll(int listen_fd, std::size_t bytes, const RequestWork& work);
[[noreturn]] void serve_requests_poll(int listen_fd, std::size_t bytes, const RequestWork& work);
// Multishot accept; a receive of the whole request, then a send of it.
[[noreturn]] void serve_requests_uring(int listen_fd, std::size_t bytes, const RequestWork& work);

// How long the work for a request may take.
constexpr std::int64_t kRequestLimitNs = 1'000'000'000;

}  // namespace coir_bench
