// SPDX-License-Identifier: BSL-1.0
// What jobs that speak on a socket of their own share.
#pragma once

#include <string>

namespace jobs {

/// A connected, blocking socket. Throws std::runtime_error.
struct Loopback {
    /// To the port that the environment variable holds.
    explicit Loopback(const char* variable);
    Loopback(const Loopback&) = delete;
    ~Loopback();

    const int fd;
};

/// What comes after the header of an HTTP answer. Throws std::runtime_error when there is no header.
std::string body_of(const std::string& answer);

}  // namespace jobs
