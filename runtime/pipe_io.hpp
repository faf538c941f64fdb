// SPDX-License-Identifier: BSL-1.0
// Writing to descriptors that are not sockets, without waiting, without O_NONBLOCK and without
// SIGPIPE.
#pragma once

#include <sys/uio.h>

#include <coir/detail/sys.hpp>
#include <coir/fd.hpp>
#include <cstddef>
#include <cstdint>

namespace coir {
inline namespace v0 {
namespace detail {

enum class PipeKind : std::uint8_t {
    fifo,        ///< a pipe or a FIFO
    terminal,    ///< the side of a terminal that programs see
    pty_master,  ///< the side of a terminal that a terminal emulator sees
    socket,
    file,   ///< a regular file or a block device: no event tells when it can be written
    other,  ///< another device
};

/// Throws IoError for what is not open and for what cannot be read as a stream (EISDIR, EPROTOTYPE).
PipeKind pipe_kind_of(Sys& sys, int fd);

/// An open file of our own of the same terminal, O_NONBLOCK; empty when it cannot be had.
Fd reopen_terminal(Sys& sys, int fd) noexcept;

/// One write that does not wait: bytes, or -errno (-EAGAIN: it would wait; -EPIPE without SIGPIPE).
/// Not for sockets and files.
std::int32_t write_pipe_now(Sys& sys, int fd, PipeKind kind, const iovec* pieces,
                            std::size_t count) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
