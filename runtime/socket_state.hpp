// SPDX-License-Identifier: BSL-1.0
// What a Socket or a UdpSocket points to.
#pragma once

#include <sys/socket.h>

#include <coir/address.hpp>
#include <coir/fd.hpp>
#include <cstddef>
#include <cstdint>

#include "loop_object.hpp"
#include "stream_hints.hpp"
#include "task_operation.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

class SocketState final : public LoopFd {
public:
    SocketState(Scheduler& scheduler, int fd, int type, int family, bool own) noexcept
        : LoopFd(scheduler, fd),
          type_(type),
          hints_(type == SOCK_STREAM ? stream_hints(family) : std::uint8_t{hint_owned}),
          own_(own) {}

    /// Carries `operation` out on this socket; its result, or IoError.
    std::size_t perform(TaskOperation& operation, const char* call);
    /// Suspends until one of the poll events is true.
    void wait_for(int events, const char* call);
    void connect(const Address& to);
    /// The descriptor stays open; the loop forgets it.
    int detach() noexcept;

    int type() const noexcept { return type_; }
    /// coir has made it, and may set O_NONBLOCK on it.
    bool own() const noexcept { return own_; }

    Address peer;  ///< of a UdpSocket that is connected

private:
    /// The result, or -errno. `again`: it has begun more than once, because a cancel request was
    /// taken back.
    std::int32_t try_to(TaskOperation& operation, const char* call, bool& again);
    std::uint8_t hints(OpCode code) const noexcept;
    void connect_ip(Address to);
    void connect_unix(const Address& to);

    const int type_;
    const std::uint8_t hints_;
    const bool own_;
};

/// Takes a socket over; IoError when it is none.
LoopPtr<SocketState> adopt_socket(Scheduler& scheduler, Fd fd, bool own);
/// A new one, close-on-exec.
LoopPtr<SocketState> make_socket(Scheduler& scheduler, int family, int type, int protocol);
/// The end of a handle.
void drop_socket(SocketState* state) noexcept;
/// By getsockname or getpeername (the number of the call); IoError.
Address address_of(LoopFd& socket, long number, const char* call);

}  // namespace detail
}  // namespace v0
}  // namespace coir
