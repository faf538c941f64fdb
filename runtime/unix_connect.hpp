// SPDX-License-Identifier: BSL-1.0
// Connecting to Unix sockets. Such a connect is never in progress: it succeeds, fails, or finds the
// listener's queue full, and nothing says when there is room again. So it is no matter for the
// reactors: it is tried again after a pause.
#pragma once

#include <coir/address.hpp>
#include <coir/time.hpp>

#include "scheduler.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

/// One try, which does not wait: 0, -errno, or -EAGAIN when the queue is full. The socket is fresh:
/// nobody else sees its O_NONBLOCK for the time of the call.
long connect_unix_now(Sys& sys, int fd, const Address& to) noexcept;

/// The pauses between tries: they grow, up to a twentieth of a second.
class ConnectPauses {
public:
    /// Suspends; a cancellation point.
    void rest();

private:
    Nanoseconds next_ = std::chrono::milliseconds(1);
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
