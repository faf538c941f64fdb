// SPDX-License-Identifier: BSL-1.0
// Carrying out an operation by a system call: without waiting, or blocking on a pool thread.
#pragma once

#include <coir/reactor.hpp>

#include <cstdint>

#include <sys/socket.h>
#include <sys/uio.h>

namespace coir {
inline namespace v0 {
namespace detail {

/// The direction in which an operation waits for its descriptor.
enum class Direction : std::uint8_t { read, write, poll, none };
Direction direction_of(OpCode code) noexcept;

/// Tries once without waiting. -EAGAIN: it would wait, or else is_final() says so. Never changes O_NONBLOCK but for the time of
/// one connect(), and for good on a listener that coir owns (`hint_owned`).
std::int32_t attempt(Sys& sys, Operation& operation) noexcept;

/// Operation::state of a receive that ended although there may be more.
inline constexpr std::uint8_t cut_short = 3;

/// attempt() of a recv, once. `sys`: a Sys, or what calls as one does.
template <class Calls>
std::int32_t receive_now(Calls& sys, Operation& operation) noexcept {
    const int flags = static_cast<int>(operation.flags) | MSG_DONTWAIT;
    if ((operation.hints & hint_unix_stream) == 0) {
        return static_cast<std::int32_t>(sys(SYS_recvfrom, operation.fd, operation.buffer,
                                             operation.size, flags, nullptr, nullptr));
    }
    iovec piece{operation.buffer, operation.size};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    const long result = sys(SYS_recvmsg, operation.fd, &message, flags);
    operation.state = (message.msg_flags & MSG_CTRUNC) != 0 ? cut_short : std::uint8_t{0};
    return static_cast<std::int32_t>(result);
}

/// A receive of a stream of coir's own: neither peeks nor refuses to wait.
inline bool is_plain_receive(const Operation& operation) noexcept {
    return operation.code == OpCode::recv && operation.flags == 0 &&
           (operation.hints & hint_owned) != 0;
}

/// Whether an -EAGAIN of attempt() is the operation's result: its caller does not want to wait, or
/// nothing would tell when to try again.
bool is_final(const Operation& operation) noexcept;

/// Whether the bytes are a file's on a disk: poll calls those always ready, and reading them may
/// wait all the same.
bool is_on_disk(Sys& sys, const Operation& operation) noexcept;

/// Whether the result says nothing about the ordinary data of a socket.
bool looks_elsewhere(const Operation& operation) noexcept;

/// Whether the kernel can have no more for a stream after this result: it did not fill the buffer.
inline bool ran_dry(const Operation& operation, std::int32_t result) noexcept {
    if ((operation.hints & (hint_stream | hint_unix_stream)) == 0) return false;
    if (operation.code != OpCode::recv && operation.code != OpCode::send) return false;
    if (operation.state == cut_short) return false;
    return result > 0 && static_cast<std::size_t>(result) < operation.size;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
