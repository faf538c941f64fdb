// SPDX-License-Identifier: BSL-1.0
// Pipe: one end of a pipe, a FIFO, a terminal, or whatever else standard input and output may be.
//
// Reading, writing, threads, errors and cancellation are ByteStream's (byte_stream.hpp). A
// descriptor in blocking mode stays so: coir does not set O_NONBLOCK on what it has not made, for
// other processes may share it. A terminal is therefore used through an open file of coir's own
// (/proc/self/fd). Behaviour: asyncio's connect_read_pipe() and connect_write_pipe().
#pragma once

#include <coir/byte_stream.hpp>
#include <coir/detail/config.hpp>
#include <coir/fd.hpp>
#include <utility>

namespace coir {
inline namespace v0 {

class COIR_API Pipe : public ByteStream {
public:
    /// Empty: every use but assignment throws IoError(EBADF).
    Pipe() noexcept = default;
    /// Takes a descriptor over: of a pipe, a FIFO, a terminal or another device, a stream socket, or
    /// a regular file (which is read and written at its position, on a thread where it must be).
    /// Throws std::logic_error outside a loop, IoError for what cannot be read as a stream (it is
    /// closed then), std::invalid_argument for a limit of 0.
    explicit Pipe(Fd fd, const StreamOptions& options = {});
    /// The same with a duplicate of `fd`, which stays the caller's:
    /// `auto in = Pipe::duplicate(STDIN_FILENO);`
    static Pipe duplicate(int fd, const StreamOptions& options = {});
    Pipe(Pipe&& other) noexcept = default;
    /// Closes what it held.
    Pipe& operator=(Pipe&& other) noexcept = default;
    /// Closes it. What was written stays in the pipe until it is read.
    ~Pipe() = default;

    /// Waits for writes in progress, and closes: the reader reads the end once it has read what was
    /// written, the writer gets IoError(EPIPE). Twice is harmless. Closes also when it throws
    /// CancelledError.
    COIR_SUSPENDS void close();
    /// Closes at once; what waits on it gets IoError(ECANCELED).
    void abort() noexcept;
};

}  // namespace v0
}  // namespace coir
