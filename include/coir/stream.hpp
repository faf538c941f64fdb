// SPDX-License-Identifier: BSL-1.0
// Stream: a connected stream socket, TCP or Unix.
//
// Reading, writing, threads, errors and cancellation are ByteStream's (byte_stream.hpp).
#pragma once

#include <coir/byte_stream.hpp>
#include <coir/detail/bytes.hpp>
#include <coir/detail/config.hpp>
#include <coir/fd.hpp>
#include <coir/send_file.hpp>
#include <coir/socket.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {

class COIR_API Stream : public ByteStream {
public:
    /// Empty: every use but assignment throws IoError(EBADF).
    Stream() noexcept = default;
    /// Takes a connected stream socket over. Throws std::logic_error outside a loop, IoError when
    /// `fd` is not a stream socket (it is closed then), std::invalid_argument for a limit of 0.
    explicit Stream(Fd fd, const StreamOptions& options = {});
    Stream(Stream&& other) noexcept = default;
    /// Closes what it held.
    Stream& operator=(Stream&& other) noexcept = default;
    /// Closes at once: what was written still arrives, unless unread input makes the kernel reset
    /// the connection (close() avoids that). Nothing suspends.
    ~Stream() = default;

    // --- Writing, beside what ByteStream has ---

    /// Sends bytes of a regular file without bringing them into user space: `count` of them from
    /// `offset` on, or all up to the file's end. Returns how many were sent: fewer than `count` when
    /// the file ends before. The file is read on a thread of the pool, and must stay open. Its
    /// position is then behind the last byte that was sent, also after an error. On failure
    /// IoError::transferred(), on cancellation WriteCancelledError::transferred() says how many
    /// bytes went out. A socket that coir has made or accepted becomes O_NONBLOCK by it; for one
    /// that was made elsewhere and blocks there is only the fallback. Errors beside write()'s:
    /// EINVAL when `file` is not a regular file or a block device, EOPNOTSUPP when the kernel cannot
    /// send it and `fallback` is none.
    COIR_SUSPENDS std::uint64_t send_file(int file, std::uint64_t offset = 0,
                                          std::optional<std::uint64_t> count = {},
                                          SendFileFallback fallback = SendFileFallback::copy);
    /// Unix only: writes the bytes, of which there must be one at least, and passes up to 253
    /// descriptors along with the first of them. The peer gets duplicates. Otherwise as write().
    /// std::invalid_argument for no bytes or too many descriptors.
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS void send_fds(
        Bytes&& bytes, std::span<const int> fds) {
        write_with_fds(detail::bytes_of_argument(bytes), fds);
    }
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS void send_fds(
        Bytes&& bytes, std::initializer_list<int> fds) {
        write_with_fds(detail::bytes_of_argument(bytes), {fds.begin(), fds.size()});
    }
    /// Unix only: reads as read(), and takes the descriptors that were passed with these bytes, up
    /// to `most` (at most 253). A plain read has the kernel close what comes with its bytes; bytes
    /// that readline() and its like have read ahead come first, without descriptors.
    template <detail::MutableBytes Buffer>
    COIR_SUSPENDS ReceivedFds recv_fds(Buffer&& buffer, std::size_t most = 16) {
        return read_with_fds(std::ranges::data(buffer), std::ranges::size(buffer), most);
    }
    /// Half close: the peer reads the end of the stream once it has read what was written. Waits
    /// for writes in progress. IoError(EPIPE) for the second time; nothing happens once closed.
    COIR_SUSPENDS void write_eof();

    // --- Ending ---

    /// Orderly: waits for writes in progress, says end of stream, and closes. When unread input is
    /// left, which would make the kernel reset the connection and could lose what was written last,
    /// it is thrown away until the peer closes, for at most a second. Twice is harmless. Closes
    /// also when it throws CancelledError.
    COIR_SUSPENDS void close();
    /// Closes at once and resets the connection (TCP): what is on its way is thrown away.
    void abort() noexcept;

    // --- The socket ---

    /// "127.0.0.1:8080", "[::1]:80", or a path; empty for a nameless peer. IoError(EBADF) once
    /// closed.
    std::string peer_name() const;
    std::string local_name() const;
    /// Whether small writes go out at once (TCP_NODELAY; TCP only, elsewhere nothing happens). On
    /// by default for connections that coir makes or accepts.
    void set_nodelay(bool on = true);

    // Internal.
    explicit Stream(detail::StreamState* state) noexcept : ByteStream(state) {}

private:
    void write_with_fds(std::string_view bytes, std::span<const int> fds);
    ReceivedFds read_with_fds(void* buffer, std::size_t size, std::size_t most);
};

}  // namespace v0
}  // namespace coir
