// SPDX-License-Identifier: BSL-1.0
// Carrying out an operation by a system call: without waiting, or blocking on a pool thread.
#pragma once

#include <coir/reactor.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

/// The direction in which an operation waits for its descriptor.
enum class Direction : std::uint8_t { read, write, poll, none };
Direction direction_of(OpCode code) noexcept;

/// Tries once without waiting. -EAGAIN: it would wait, or else is_final() says so. Never changes O_NONBLOCK but for the time of
/// one connect(), and for good on a listener that coir owns (`hint_owned`).
std::int32_t attempt(Sys& sys, Operation& operation) noexcept;

/// Whether an -EAGAIN of attempt() is the operation's result: its caller does not want to wait, or
/// nothing would tell when to try again.
bool is_final(const Operation& operation) noexcept;

/// Whether the bytes are a file's on a disk: poll calls those always ready, and reading them may
/// wait all the same.
bool is_on_disk(Sys& sys, const Operation& operation) noexcept;

/// Whether the result says nothing about the ordinary data of a socket.
bool looks_elsewhere(const Operation& operation) noexcept;

/// Whether the kernel can have no more for a stream after this result: it did not fill the buffer.
bool ran_dry(const Operation& operation, std::int32_t result) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
